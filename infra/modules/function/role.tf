resource "aws_iam_role" "this" {
  name                 = local.function_name
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary
  description          = "What the amaas model ${var.model} may do"
  assume_role_policy   = jsonencode(local.trust)
  tags                 = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "serve"
  role   = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.serve, local.use_ledger, local.open_table, local.trace, local.join_vpc, local.give_up) })
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  trust = {
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Lambda"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = ["sts:AssumeRole"]
    }]
  }

  readable = ["models/${var.model}/*", "blobs/sha256/*", "sealing/${var.model}.json"]

  serve = [
    {
      Sid      = "ReadModel"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = [for key in local.readable : "${var.registry.bucket_arn}/${key}"]
    },
    {
      # Without it S3 answers 403, not 404, for an object that does not exist, and a model that is not published yet would look forbidden. No
      # document of AWS says what s3:prefix is while S3 decides that, so there is no condition. It opens names of objects, not what is in them.
      Sid      = "TellMissingFromForbidden"
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
      Sid       = "OpenWhatIsSealedForThisModel"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [var.registry.sealing_key_arn]
      Condition = { StringEquals = { "kms:EncryptionContext:model" = var.model } }
    },
    {
      # One secret for all functions of the ledger, without which no key that is kept there can be recognised, and what the records of
      # keys, tenants and prices are verified with. What signs them, (ledger) authority, is for those who administer the ledger.
      Sid      = "OpenTheLedgersSecrets"
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
    {
      Sid      = "WriteLogs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
    },
  ]

  # By key, or one partition in order; nothing scans. Who may call is read and never written. What functions write of calls is each
  # tenant's, whatever function it called, but for what is one model's alone.
  use_ledger = [for name, right in {
    ReadAccounts = {
      actions    = ["dynamodb:GetItem"]
      partitions = ["key/*", "ledger", "prices", "tenants"]
    }
    RememberCalls = {
      actions    = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      partitions = ["call/*"]
    }
    RememberForThisModel = {
      actions    = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      partitions = ["alias/${var.model}", "sealing/${var.model}", "seen/${var.model}/*"]
    }
    TakeOfLimits = {
      actions    = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
      partitions = ["quota/*"]
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

  open_table = [for key in var.ledger.kms_key_arn[*] : {
    Sid       = "OpenTheTable"
    Effect    = "Allow"
    Action    = ["kms:Decrypt"]
    Resource  = [key]
    Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}" } }
  }]

  # X-Ray knows no resource: "*" is the only value IAM accepts for these two actions.
  trace = var.tracing != "Active" ? [] : [
    {
      Sid      = "SendTraces"
      Effect   = "Allow"
      Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource = ["*"]
    },
  ]

  # Lambda itself makes network interfaces with this role. EC2 knows no resource for two of these actions, and an interface has no
  # name beforehand; what is denied is that code in the function does the same.
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html, "Best practice for using Lambda with Amazon VPCs"
  join_vpc = [for statement in [
    {
      Sid    = "JoinVpc"
      Effect = "Allow"
      Action = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = ["*"]
    },
    {
      Sid    = "NotFromTheFunctionsCode"
      Effect = "Deny"
      Action = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DetachNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = ["*"]
      Condition = {
        ArnEquals = {
          "lambda:SourceFunctionArn" = ["arn:${data.aws_partition.current.partition}:lambda:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:function:${local.function_name}"]
        }
      }
    },
  ] : statement if var.vpc != null]

  give_up = concat(
    [for queue in aws_sqs_queue.dead_letters : {
      Sid      = "SendDeadLetters"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [queue.arn]
    }],
    [for key in try(var.dead_letters.kms_key_arn, null)[*] : {
      Sid      = "SealDeadLetters"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [key]
      Condition = {
        StringEquals = {
          "kms:ViaService" = "sqs.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}"
        }
      }
    }],
  )
}
