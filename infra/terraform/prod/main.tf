locals {
  environment = "prod"
}

module "installation" {
  source = "../modules/installation"

  project                   = var.project
  environment               = local.environment
  disposable                = false
  noncurrent_days           = 90
  short_lived_days          = var.short_lived_days
  log_retention_days        = 365
  manage_training_log_group = var.manage_training_log_group
  trusted_services          = ["pods.eks.amazonaws.com"]
  trusted_arns              = var.trusted_arns
  permissions_boundary      = var.permissions_boundary
  network                   = var.network
  eks                       = var.eks
  emails                    = var.emails
  budget                    = var.budget
}
