output "role_arns" {
  description = "Role ARNs: control-plane, run, training, step-functions, bedrock-tuning."
  value       = { for kind, role in aws_iam_role.this : kind => role.arn }
  # A role without its permissions is not ready: a job that is started with it fails.
  depends_on = [aws_iam_role_policy.this]
}
