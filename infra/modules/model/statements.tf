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
      # Without it S3 answers 403, not 404, for an object that does not exist, and a model that is not published yet would look forbidden. No
      # document of AWS says what s3:prefix is while S3 decides that, so there is no condition. It opens names of objects, not what is in them.
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
      # Keys that were wrapped for another model stay closed.
      Sid       = "UnwrapKeysOfThisModel"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [var.registry.sealing_key_arn]
      Condition = { StringEquals = { "kms:EncryptionContext:model" = var.name } }
    },
    {
      # One secret for all functions of the ledger, without which no key that is kept there can be recognised, and what the records of
      # keys, tenants and prices are verified with. What signs them, (ledger) authority, is for those who administer the ledger.
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

  # By key, or one partition in order; nothing scans. Who may call is read and never written. What functions write of calls is each
  # tenant's, whatever function it called, but for what is one model's alone.
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
