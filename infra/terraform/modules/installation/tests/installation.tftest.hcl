mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:mock" }
  }
  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:mock" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mock" }
  }
}

variables {
  project                   = "srl"
  environment               = "dev"
  disposable                = true
  noncurrent_days           = 7
  short_lived_days          = 30
  log_retention_days        = 30
  manage_training_log_group = true
  trusted_services          = ["pods.eks.amazonaws.com"]
  trusted_arns              = []
  permissions_boundary      = null
  network                   = null
  eks                       = null
  emails                    = []
  budget                    = { month_usd = 100 }
}

run "without_a_network_jobs_name_none" {
  command = apply

  assert {
    condition     = !can(module.sagemaker.job_settings.VpcConfig)
    error_message = "a request without subnets must have no VpcConfig: SageMaker refuses an empty one"
  }

  assert {
    condition     = output.environment.SRL_STORE == "s3://srl-dev-artifacts-123456789012-eu-central-1/artifacts"
    error_message = "control plane and runs are told another store"
  }
}

run "the_chain_without_a_network_asks_for_none" {
  command = plan

  module {
    source = "../step_functions"
  }

  variables {
    name              = "srl-dev"
    role_arn          = "arn:aws:iam::123456789012:role/srl-dev-step-functions"
    training_role_arn = "arn:aws:iam::123456789012:role/srl-dev-training"
    table             = "srl-dev-state"
    topic_arn         = "arn:aws:sns:eu-central-1:123456789012:srl-dev-alerts"
    spending_item     = { pk = "LEDGER#month:{}", sk = "#", attribute = "used" }
    in_network        = false
    kms_key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = !strcontains(aws_sfn_state_machine.chain.definition, "VpcConfig")
    error_message = "a path to an absent field would fail every execution"
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.chain.definition).States.Chain.ItemProcessor.States.Train.Parameters.RoleArn == var.training_role_arn
    error_message = "the line that goes has taken others with it"
  }
}

run "a_ledger_item_without_a_month_is_refused" {
  command = plan

  module {
    source = "../step_functions"
  }

  variables {
    name              = "srl-dev"
    role_arn          = "arn:aws:iam::123456789012:role/srl-dev-step-functions"
    training_role_arn = "arn:aws:iam::123456789012:role/srl-dev-training"
    table             = "srl-dev-state"
    topic_arn         = "arn:aws:sns:eu-central-1:123456789012:srl-dev-alerts"
    spending_item     = { pk = "ledger", sk = "total", attribute = "used" }
    in_network        = false
    kms_key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  expect_failures = [var.spending_item]
}

run "a_cluster_without_a_network_is_refused" {
  command = plan

  variables {
    eks = { version = "1.33", admins = ["arn:aws:iam::123456789012:role/operators"] }
  }

  expect_failures = [var.eks]
}

run "prod_is_never_disposable" {
  command = plan

  variables {
    environment = "prod"
  }

  expect_failures = [var.disposable]
}

run "an_unknown_environment_is_refused" {
  command = plan

  variables {
    environment = "staging"
  }

  expect_failures = [var.environment]
}

run "a_project_whose_name_would_not_fit_is_refused" {
  command = plan

  variables {
    project = "a-very-long-name-of-a-project"
  }

  expect_failures = [var.project]
}

run "half_a_network_for_jobs_is_refused" {
  command = plan

  module {
    source = "../sagemaker"
  }

  variables {
    manage_log_group   = true
    kms_key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    role_arn           = "arn:aws:iam::123456789012:role/srl-dev-training"
    subnet_ids         = ["subnet-1"]
    security_group_ids = []
  }

  expect_failures = [var.security_group_ids]
}

run "a_role_for_anybody_is_refused" {
  command = plan

  module {
    source = "../iam/policies"
  }

  variables {
    name         = "srl-dev"
    partition    = "aws"
    account      = "123456789012"
    region       = "eu-central-1"
    bucket       = "srl-dev-artifacts"
    prefix       = "artifacts"
    table        = "srl-dev-state"
    kms_key_arn  = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    topic_arn    = "arn:aws:sns:eu-central-1:123456789012:srl-dev-alerts"
    trusted_arns = ["arn:aws:iam::123456789012:role/*"]
  }

  expect_failures = [var.trusted_arns]
}
