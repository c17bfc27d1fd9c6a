mock_provider "aws" {}

variables {
  name           = "srl-dev"
  month_usd      = 100
  model_type_usd = { buildings = 20 }
  shares         = [50, 80, 100]
  topic_arn      = "arn:aws:sns:eu-central-1:123456789012:srl-dev-alerts"
}

run "everything_and_each_model_type_has_a_budget" {
  command = plan

  module {
    source = "../budgets"
  }

  assert {
    condition     = toset(keys(aws_budgets_budget.month)) == toset(["all", "buildings"])
    error_message = "one budget for everything and one for each model type"
  }

  assert {
    condition     = one(aws_budgets_budget.month["buildings"].cost_filter).values == tolist(["user:model_type$buildings"])
    error_message = "a model type is counted by the tag of its jobs"
  }

  assert {
    condition     = one(aws_budgets_budget.month["all"].cost_filter).values == tolist(["user:installation$srl-dev"])
    error_message = "another environment of the project is not counted"
  }

  assert {
    condition = (
      toset([for n in aws_budgets_budget.month["all"].notification : n.threshold if n.notification_type == "ACTUAL"]) == toset([50, 80, 100])
      && length(aws_budgets_budget.month["all"].notification) == 4
    )
    error_message = "one alarm for each share and one for the forecast"
  }
}

run "a_budget_of_nothing_is_refused" {
  command = plan

  module {
    source = "../budgets"
  }

  variables {
    month_usd = 0
  }

  expect_failures = [var.month_usd]
}

run "a_budget_without_alarms_is_refused" {
  command = plan

  module {
    source = "../budgets"
  }

  variables {
    shares = []
  }

  expect_failures = [var.shares]
}

run "more_alarms_than_aws_allows_are_refused" {
  command = plan

  module {
    source = "../budgets"
  }

  variables {
    shares = [10, 20, 30, 40, 50]
  }

  expect_failures = [var.shares]
}

run "a_model_type_cannot_take_the_name_of_the_whole" {
  command = plan

  module {
    source = "../budgets"
  }

  variables {
    model_type_usd = { all = 10 }
  }

  expect_failures = [var.model_type_usd]
}
