# The key policy is spelled out instead of the usual `kms:*` for the account. The account still owns the key: it may
# change this policy, so nothing can lock it out. Data can be encrypted and decrypted through S3 only, by principals whose
# own IAM policy allows it as well.
resource "aws_kms_key" "this" {
  count = var.kms_key_arn == null ? 1 : 0

  description             = "Encrypts the ${var.name} model registry"
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_window_days
  policy                  = jsonencode(local.key_policy)
  tags                    = var.tags
}

resource "aws_kms_alias" "this" {
  count = var.kms_key_arn == null ? 1 : 0

  name          = "alias/${var.name}-registry"
  target_key_id = aws_kms_key.this[0].key_id
}

# Wraps the private keys of sealed calls and the data keys of sealed models. Apart from the bucket's key, because the right to
# read an object must not be the right to open what is sealed in it.
resource "aws_kms_key" "sealing" {
  count = var.sealing_key_arn == null ? 1 : 0

  description             = "Wraps the keys of sealed calls and models of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_window_days
  policy                  = jsonencode(local.sealing_key_policy)
  tags                    = var.tags
}

resource "aws_kms_alias" "sealing" {
  count = var.sealing_key_arn == null ? 1 : 0

  name          = "alias/${var.name}-sealing"
  target_key_id = aws_kms_key.sealing[0].key_id
}

# For logs of functions, APIs and services, which CloudWatch encrypts with a key of its own where it is given none.
resource "aws_kms_key" "logs" {
  count = var.log_key ? 1 : 0

  description             = "Encrypts the logs of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_window_days
  policy                  = jsonencode(local.log_key_policy)
  tags                    = var.tags
}

resource "aws_kms_alias" "logs" {
  count = var.log_key ? 1 : 0

  name          = "alias/${var.name}-logs"
  target_key_id = aws_kms_key.logs[0].key_id
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# Each of these had no index before a key of the caller's could stand in its place.
moved {
  from = aws_kms_key.this
  to   = aws_kms_key.this[0]
}

moved {
  from = aws_kms_alias.this
  to   = aws_kms_alias.this[0]
}

moved {
  from = aws_kms_key.sealing
  to   = aws_kms_key.sealing[0]
}

moved {
  from = aws_kms_alias.sealing
  to   = aws_kms_alias.sealing[0]
}

locals {
  kms_key_arn     = coalesce(var.kms_key_arn, one(aws_kms_key.this[*].arn))
  sealing_key_arn = coalesce(var.sealing_key_arn, one(aws_kms_key.sealing[*].arn))

  account = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"

  users = concat([local.account], var.readers)

  # In a key policy the resource "*" means this key and no other.
  administer = {
    Sid       = "AdministerThroughIam"
    Effect    = "Allow"
    Principal = { AWS = local.account }
    Action = [
      "kms:CancelKeyDeletion",
      "kms:CreateAlias",
      "kms:DeleteAlias",
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:DisableKeyRotation",
      "kms:EnableKey",
      "kms:EnableKeyRotation",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListGrants",
      "kms:ListKeyPolicies",
      "kms:ListKeyRotations",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:RevokeGrant",
      "kms:RotateKeyOnDemand",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
    ]
    Resource = "*"
  }

  key_policy = {
    Version = "2012-10-17"
    Statement = [
      local.administer,
      {
        Sid       = "UseThroughS3"
        Effect    = "Allow"
        Principal = { AWS = local.users }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = {
          StringEquals = {
            "kms:ViaService" = "s3.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}"
          }
        }
      },
    ]
  }

  # Who may wrap and unwrap is IAM's to say, action by action; without an encryption context that names a model nobody may.
  sealing_key_policy = {
    Version = "2012-10-17"
    Statement = [
      local.administer,
      {
        Sid       = "WrapForAModel"
        Effect    = "Allow"
        Principal = { AWS = local.users }
        Action    = ["kms:Decrypt", "kms:Encrypt"]
        Resource  = "*"
        Condition = { Null = { "kms:EncryptionContext:model" = "false" } }
      },
    ]
  }

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
  log_key_policy = {
    Version = "2012-10-17"
    Statement = [
      local.administer,
      {
        Sid       = "UseForLogsOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "logs.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
        Resource  = "*"
        Condition = {
          ArnLike = {
            "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:log-group:*"
          }
        }
      },
    ]
  }
}
