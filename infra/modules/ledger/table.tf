# One table for all functions of a stack: tenants, API keys, usage and records of calls. Reads are by key or within one partition; nothing scans.
resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_28:`point_in_time_recovery` is a setting, and on by default
  #checkov:skip=CKV_AWS_119:`kms_key_arn` is a setting; a KMS key wraps the secrets in the table in any case
  name                        = "${var.name}-ledger"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  # DynamoDB always encrypts the table: with this key, or with one that AWS owns.
  dynamic "server_side_encryption" {
    for_each = var.kms_key_arn[*]

    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }
}
