output "state_machine_arn" {
  description = "ARN of the training chain."
  value       = aws_sfn_state_machine.chain.arn
}
