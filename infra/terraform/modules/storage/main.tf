# The bucket for artifacts, and for what is only needed while a job runs: its request, its messages, its saves.
locals {
  short_lived = toset(["_saved", "_requests", "_pipes"])
}

resource "aws_s3_bucket" "artifacts" {
  #checkov:skip=CKV2_AWS_62:nobody listens for new objects; a manifest is looked for by those who wait for it
  #checkov:skip=CKV_AWS_18:who read what is recorded by the account (CloudTrail data events), not by each bucket
  #checkov:skip=CKV_AWS_144:versions restore what is deleted; a second region doubles the cost and is the account's decision
  bucket = var.bucket
  # An installation with artifacts is not removed by accident: terraform refuses while the bucket is not empty.
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_versioning" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id
  rule {
    # A bucket key saves nearly all calls to KMS, which are billed one by one.
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "artifacts" {
  bucket                  = aws_s3_bucket.artifacts.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.artifacts.arn, "${aws_s3_bucket.artifacts.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
  # A policy that is written while public access is not yet blocked could be a public one for a moment.
  depends_on = [aws_s3_bucket_public_access_block.artifacts]
}

resource "aws_s3_bucket_lifecycle_configuration" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  # Artifacts never expire: which of them is still needed is the registry's decision, not the bucket's.
  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "replaced-and-deleted"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = local.short_lived
    content {
      id     = "short-lived-${trimprefix(rule.value, "_")}"
      status = "Enabled"
      filter {
        prefix = "${var.prefix}/${rule.value}/"
      }
      expiration {
        days = var.short_lived_days
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.artifacts]
}

# S3 publishes error counts only where request metrics are switched on.
resource "aws_s3_bucket_metric" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id
  name   = "EntireBucket"
}
