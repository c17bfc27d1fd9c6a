# One role for each kind of process. What they may do is rendered in ./policies.
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

module "policies" {
  source = "./policies"

  name             = var.name
  partition        = data.aws_partition.current.partition
  account          = data.aws_caller_identity.current.account_id
  region           = data.aws_region.current.name
  bucket           = var.bucket
  prefix           = var.prefix
  table            = var.table
  kms_key_arn      = var.kms_key_arn
  topic_arn        = var.topic_arn
  trusted_services = var.trusted_services
  trusted_arns     = var.trusted_arns
}

resource "aws_iam_role" "this" {
  for_each = toset(["control-plane", "run", "training", "step-functions", "bedrock-tuning"])

  name                 = "${var.name}-${each.key}"
  assume_role_policy   = module.policies.trusts[each.key]
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "this" {
  for_each = aws_iam_role.this

  name   = "permissions"
  role   = each.value.name
  policy = module.policies.permissions[each.key]
}
