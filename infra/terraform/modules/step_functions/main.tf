# The training chain without Dagster. Its definition is one file, so that a test can run it elsewhere.
data "aws_partition" "current" {}

locals {
  rendered = templatefile("${path.module}/../../../step_functions/training_chain.asl.json", {
    partition          = data.aws_partition.current.partition
    table              = var.table
    topic_arn          = var.topic_arn
    training_role_arn  = var.training_role_arn
    spending_pk        = var.spending_item.pk
    spending_sk        = var.spending_item.sk
    spending_attribute = var.spending_item.attribute
  })
  # SageMaker refuses an empty VpcConfig, and a path to an absent field fails: without a network the line goes.
  without_network = replace(local.rendered, "/\"VpcConfig\\.\\$\": [^\n]*\n/", "")
}

resource "aws_cloudwatch_log_group" "chain" {
  # Log groups of this prefix share one resource policy, whose size AWS limits.
  name              = "/aws/vendedlogs/states/${var.name}-training-chain"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_sfn_state_machine" "chain" {
  #checkov:skip=CKV_AWS_285:logged at level ALL without data: requests hold settings of an installation
  #checkov:skip=CKV_AWS_284:three tasks one after another; its history tells all that a trace would
  name       = "${var.name}-training-chain"
  role_arn   = var.role_arn
  definition = jsonencode(jsondecode(var.in_network ? local.rendered : local.without_network))

  logging_configuration {
    log_destination = "${aws_cloudwatch_log_group.chain.arn}:*"
    level           = "ALL"
    # Requests hold settings of an installation; what happened is told without them.
    include_execution_data = false
  }
}
