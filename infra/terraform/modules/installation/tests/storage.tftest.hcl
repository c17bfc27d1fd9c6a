mock_provider "aws" {}

variables {
  bucket          = "srl-dev-artifacts"
  kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  noncurrent_days = 30
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
