resource "aws_sns_topic" "this" {
  name              = "${var.name}-alarms"
  kms_master_key_id = coalesce(var.kms_key_arn, one(module.key[*].arn))
  tags              = var.tags
}

resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.publish, local.tls_only) })
}

# SNS sends nothing to an address before its owner confirms a mail.
resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.notify.emails)

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.key
}

# Services cannot publish with the key that AWS manages for SNS.
module "key" {
  source = "../key"
  count  = var.kms_key_arn == null ? 1 : 0

  alias       = "${var.name}-alarms"
  description = "Encrypts the notifications of ${var.name}"
  statements  = local.encrypt
  tags        = var.tags
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  topics = concat([aws_sns_topic.this.arn], var.notify.topic_arns)

  partition  = data.aws_partition.current.partition
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.id
  account    = "arn:${local.partition}:iam::${local.account_id}:root"

  # Services that publish, and the condition that limits them to this account.
  publishers = {
    Alarms    = { service = "cloudwatch.amazonaws.com", condition = { StringEquals = { "aws:SourceAccount" = local.account_id } } }
    Budgets   = { service = "budgets.amazonaws.com", condition = { StringEquals = { "aws:SourceAccount" = local.account_id } } }
    Anomalies = { service = "costalerts.amazonaws.com", condition = { StringEquals = { "aws:SourceAccount" = local.account_id } } }
  }

  publish = [for name, publisher in local.publishers : {
    Sid       = "Publish${name}"
    Effect    = "Allow"
    Principal = { Service = publisher.service }
    Action    = ["sns:Publish"]
    Resource  = [aws_sns_topic.this.arn]
    Condition = publisher.condition
  }]

  tls_only = [{
    Sid       = "DenyPlainHttp"
    Effect    = "Deny"
    Principal = "*"
    Action    = ["sns:Publish"]
    Resource  = [aws_sns_topic.this.arn]
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }]

  encrypt = concat(
    [for name, publisher in local.publishers : {
      Sid       = "Encrypt${name}"
      Effect    = "Allow"
      Principal = { Service = publisher.service }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
      Condition = publisher.condition
    }],
    [{
      Sid       = "UseThroughSns"
      Effect    = "Allow"
      Principal = { AWS = local.account }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
      Condition = { StringEquals = { "kms:ViaService" = "sns.${local.region}.${data.aws_partition.current.dns_suffix}" } }
    }],
  )
}
