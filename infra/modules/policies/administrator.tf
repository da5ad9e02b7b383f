# Rights of `amaas tenants`, `keys`, `prices`, `usage` and `ledger` on the ledger, and of `models remove` and `store prune`, which read objects before
# they delete them.
locals {
  administer = concat(
    [
      {
        Sid      = "ReadAndDeleteModels"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject"]
        Resource = local.published
      },
      {
        Sid      = "DeleteStaleUploadMarkers"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject"]
        Resource = ["${var.registry.bucket_arn}/uploads/*"]
      },
      {
        Sid      = "ListModels"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [var.registry.bucket_arn]
      },
      {
        Sid       = "DecryptObjects"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [var.registry.kms_key_arn]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${local.dns_suffix}" } }
      },
      {
        # The ledger's secret, and the keys that sign and verify accounts.
        Sid       = "WrapLedgerSecrets"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:Encrypt"]
        Resource  = [var.registry.sealing_key_arn]
        Condition = { StringEquals = { "kms:EncryptionContext:model" = "(ledger)" } }
      },
      {
        Sid       = "WriteAccounts"
        Effect    = "Allow"
        Action    = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        Resource  = [var.ledger.table_arn]
        Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["key/*", "keys-of/*", "ledger", "prices", "tenants"] } }
      },
      {
        # The usage of a past day is summed up once, and stored.
        Sid       = "ReadUsage"
        Effect    = "Allow"
        Action    = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
        Resource  = [var.ledger.table_arn]
        Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["usage-sum/*", "usage/*"] } }
      },
    ],
    [for key in var.ledger.kms_key_arn[*] : {
      Sid       = "DecryptTable"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [key]
      Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.${local.dns_suffix}" } }
    }],
  )
}
