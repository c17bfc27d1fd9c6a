mock_provider "aws" {}

variables {
  bucket          = "srl-dev-artifacts"
  kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  noncurrent_days = 30
  prefix          = "artifacts"
}

run "only_saves_requests_and_messages_expire" {
  command = apply

  module {
    source = "../storage"
  }

  assert {
    condition = (
      toset([for rule in aws_s3_bucket_lifecycle_configuration.artifacts.rule : rule.filter[0].prefix if try(rule.expiration[0].days, 0) > 0])
      == toset(["artifacts/_saved/", "artifacts/_requests/", "artifacts/_pipes/"])
    )
    error_message = "something else would expire, or one of the three never does"
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.artifacts.rule : rule.expiration[0].days == 30 if startswith(rule.id, "short-lived")])
    error_message = "they are kept for another time than was said"
  }
}

run "saves_outlive_the_longest_chain" {
  command = plan

  module {
    source = "../storage"
  }

  variables {
    short_lived_days = 5
  }

  expect_failures = [var.short_lived_days]
}

run "a_prefix_that_would_let_everything_expire_is_refused" {
  command = plan

  module {
    source = "../storage"
  }

  variables {
    prefix = ""
  }

  expect_failures = [var.prefix]
}

run "a_bucket_with_artifacts_is_not_removed_unless_that_is_asked_for" {
  command = plan

  module {
    source = "../storage"
  }

  assert {
    condition     = aws_s3_bucket.artifacts.force_destroy == false
    error_message = "a bucket with artifacts could be removed"
  }
}

run "a_dot_in_the_name_of_a_bucket_is_refused" {
  command = plan

  module {
    source = "../storage"
  }

  variables {
    bucket = "srl.dev"
  }

  expect_failures = [var.bucket]
}

run "replaced_artifacts_can_be_restored_for_a_day_at_least" {
  command = plan

  module {
    source = "../storage"
  }

  variables {
    noncurrent_days = 0
  }

  expect_failures = [var.noncurrent_days]
}
