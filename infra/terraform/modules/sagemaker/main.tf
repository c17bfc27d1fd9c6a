# SageMaker needs nothing but a role, a place for its logs and, in a private network, subnets: jobs are made by requests.
resource "aws_cloudwatch_log_group" "training" {
  #checkov:skip=CKV_AWS_338:the root decides: a year in prod, 30 days in dev; what a training yielded is in its artifact
  count = var.manage_log_group ? 1 : 0

  # The name is SageMaker's. It would make the group itself, without retention and with AWS's own key.
  name              = "/aws/sagemaker/TrainingJobs"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
