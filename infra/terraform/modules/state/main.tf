# Ledger, registry, history, decisions and tuning jobs: one table, addressed by pk and sk.
resource "aws_dynamodb_table" "state" {
  name                        = var.table
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  # Items that are only there for a while carry the moment after which DynamoDB may remove them.
  ttl {
    enabled        = true
    attribute_name = "ttl"
  }

  # The ledger says what was spent; it cannot be computed again from anything else.
  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}
