# Encrypts the bucket. Data can be encrypted and decrypted through S3 only, by principals whose own IAM policy allows it as well.
module "key" {
  source = "../key"
  count  = var.kms_key_arn == null ? 1 : 0

  alias                = "${var.name}-registry"
  description          = "Encrypts the ${var.name} model registry"
  deletion_window_days = var.key_deletion_window_days
  tags                 = var.tags

  statements = [{
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
  }]
}

# Wraps the private keys of sealed calls and the data keys of sealed models. It is not the bucket's key: the right to read an object must not
# include the right to decrypt sealed data in it. IAM policies say who may wrap and unwrap; every use must name a model in the encryption context.
module "sealing_key" {
  source = "../key"
  count  = var.sealing_key_arn == null ? 1 : 0

  alias                = "${var.name}-sealing"
  description          = "Wraps the keys of sealed calls and models of ${var.name}"
  deletion_window_days = var.key_deletion_window_days
  tags                 = var.tags

  statements = [{
    Sid       = "WrapForAModel"
    Effect    = "Allow"
    Principal = { AWS = local.users }
    Action    = ["kms:Decrypt", "kms:Encrypt"]
    Resource  = "*"
    Condition = { Null = { "kms:EncryptionContext:model" = "false" } }
  }]
}

# Encrypts the log groups of functions, APIs and services. Without it, CloudWatch Logs encrypts them with a key of its own.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
module "log_key" {
  source = "../key"
  count  = var.log_key ? 1 : 0

  alias                = "${var.name}-logs"
  description          = "Encrypts the logs of ${var.name}"
  deletion_window_days = var.key_deletion_window_days
  tags                 = var.tags

  statements = [{
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
  }]
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  kms_key_arn     = coalesce(var.kms_key_arn, one(module.key[*].arn))
  sealing_key_arn = coalesce(var.sealing_key_arn, one(module.sealing_key[*].arn))

  users = concat(["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"], var.readers)
}
