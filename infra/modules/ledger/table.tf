# One table for all functions of a stack: who may call and what they used, and what is remembered of calls. Items are reached by their
# keys, or by partition in order; nothing scans.
resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_28:on by default; only a caller who wants a table that can be lost switches it off
  #checkov:skip=CKV_AWS_119:a key is the caller's choice, `kms_key_arn`; secrets in the table are sealed under a key of KMS anyway
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

  # A table is always encrypted: with this key, or without it with one that AWS owns.
  dynamic "server_side_encryption" {
    for_each = var.kms_key_arn[*]

    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }
}
