# What the role of the model's program may do, whichever host runs it. Each action is named.
locals {
  statements = concat(local.read_model, local.use_ledger, local.decrypt_table)

  readable = ["models/${var.name}/*", "blobs/sha256/*", "sealing/${var.name}.json"]

  read_model = [
    {
      Sid      = "ReadModel"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = [for key in local.readable : "${var.registry.bucket_arn}/${key}"]
    },
    {
      # Without it S3 answers 403 instead of 404 for a missing object, and an unpublished model would look forbidden. AWS does not document the value
      # of s3:prefix in that case, so there is no condition. The action reveals names of objects, not their content.
      Sid      = "ListRegistry"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [var.registry.bucket_arn]
    },
    {
      Sid      = "DecryptModel"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [var.registry.kms_key_arn]
      Condition = {
        StringEquals = {
          "kms:ViaService" = "s3.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}"
        }
      }
    },
    {
      # Keys that were wrapped for another model cannot be unwrapped.
      Sid       = "UnwrapKeysOfThisModel"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [var.registry.sealing_key_arn]
      Condition = { StringEquals = { "kms:EncryptionContext:model" = var.name } }
    },
    {
      # The secret that API keys are digested with, and the key that verifies records of keys, tenants and prices. The key that signs them, (ledger)
      # authority, is for administrators of the ledger.
      Sid      = "UnwrapLedgerSecrets"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [var.registry.sealing_key_arn]
      Condition = {
        StringEquals = {
          "kms:EncryptionContext:model" = "(ledger)"
          "kms:EncryptionContext:key"   = ["secret", "verifier"]
        }
      }
    },
  ]

  # Reads are by key or within one partition; nothing scans. Accounts are read only. Records of calls belong to tenants, whatever model they called.
  # A few partitions belong to one model.
  use_ledger = [for name, right in {
    ReadAccounts = {
      actions    = ["dynamodb:GetItem"]
      partitions = ["key/*", "ledger", "prices", "tenants"]
    }
    UpdateQuotaCounters = {
      actions    = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
      partitions = ["quota/*"]
    }
    WriteIdempotencyRecords = {
      actions    = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      partitions = ["call/*"]
    }
    WriteRecordsOfThisModel = {
      actions    = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      partitions = ["alias/${var.name}", "sealing/${var.name}", "seen/${var.name}/*"]
    }
    WriteUsage = {
      actions    = ["dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
      partitions = ["usage-sum/*", "usage/*"]
    }
    } : {
    Sid       = name
    Effect    = "Allow"
    Action    = right.actions
    Resource  = [var.ledger.table_arn]
    Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = right.partitions } }
  }]

  decrypt_table = [for key in var.ledger.kms_key_arn[*] : {
    Sid       = "DecryptTable"
    Effect    = "Allow"
    Action    = ["kms:Decrypt"]
    Resource  = [key]
    Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}" } }
  }]
}

data "aws_partition" "current" {}

data "aws_region" "current" {}
