# A whole installation: dev and prod differ in what they pass, not in what they are.
data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  name   = "${var.project}-${var.environment}"
  bucket = "${local.name}-artifacts-${data.aws_caller_identity.current.account_id}-${data.aws_region.current.name}"
  table  = "${local.name}-state"
  prefix = "artifacts"
}

module "key" {
  source = "../key"

  name = local.name
}

module "storage" {
  source = "../storage"

  bucket           = local.bucket
  kms_key_arn      = module.key.arn
  prefix           = local.prefix
  noncurrent_days  = var.noncurrent_days
  short_lived_days = var.short_lived_days
  force_destroy    = var.disposable
}

module "state" {
  source = "../state"

  table               = local.table
  kms_key_arn         = module.key.arn
  deletion_protection = !var.disposable
}

module "ecr" {
  source = "../ecr"

  name         = local.name
  kms_key_arn  = module.key.arn
  force_delete = var.disposable
}

module "iam" {
  source = "../iam"

  name                 = local.name
  bucket               = local.bucket
  prefix               = local.prefix
  table                = local.table
  kms_key_arn          = module.key.arn
  topic_arn            = module.monitoring.topic_arn
  trusted_services     = var.trusted_services
  trusted_arns         = var.trusted_arns
  permissions_boundary = var.permissions_boundary
}

module "network" {
  source = "../network"
  count  = var.network == null ? 0 : 1

  name               = local.name
  cidr               = var.network.cidr
  availability_zones = var.network.availability_zones
  nat                = var.network.nat
  cluster            = var.eks != null
}

module "eks" {
  source = "../eks"
  count  = var.eks == null ? 0 : 1

  name                 = local.name
  kubernetes_version   = var.eks.version
  subnet_ids           = module.network[0].subnet_ids
  kms_key_arn          = module.key.arn
  log_retention_days   = var.log_retention_days
  permissions_boundary = var.permissions_boundary
  admins               = var.eks.admins
  public_cidrs         = var.eks.public_cidrs
  namespace            = var.eks.namespace
  release              = var.eks.release
  pools                = var.eks.pools
  role_arns            = module.iam.role_arns
}

module "sagemaker" {
  source = "../sagemaker"

  manage_log_group   = var.manage_training_log_group
  log_retention_days = var.log_retention_days
  kms_key_arn        = module.key.arn
  role_arn           = module.iam.role_arns["training"]
  subnet_ids         = flatten(module.network[*].subnet_ids)
  security_group_ids = module.network[*].job_security_group_id
}

module "step_functions" {
  source = "../step_functions"

  name               = local.name
  role_arn           = module.iam.role_arns["step-functions"]
  training_role_arn  = module.iam.role_arns["training"]
  table              = local.table
  topic_arn          = module.monitoring.topic_arn
  spending_item      = var.spending_item
  in_network         = var.network != null
  log_retention_days = var.log_retention_days
  kms_key_arn        = module.key.arn
}

module "monitoring" {
  source = "../monitoring"

  name                 = local.name
  kms_key_arn          = module.key.arn
  emails               = var.emails
  state_machine_arn    = module.step_functions.state_machine_arn
  table                = module.state.table
  bucket               = module.storage.bucket
  bucket_metric_filter = module.storage.metric_filter
}

module "budgets" {
  source = "../budgets"

  name           = local.name
  month_usd      = var.budget.month_usd
  model_type_usd = var.budget.model_type_usd
  shares         = var.budget.shares
  topic_arn      = module.monitoring.topic_arn
}
