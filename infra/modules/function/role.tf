resource "aws_iam_role" "this" {
  name                 = local.function_name
  path                 = var.model.roles.path
  permissions_boundary = var.model.roles.permissions_boundary
  description          = "Role of the amaas model ${var.model.name}"
  assume_role_policy   = jsonencode(local.trust)
  tags                 = var.model.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "serve"
  role   = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(var.model.statements, local.write_logs, local.send_traces, local.join_vpc, local.send_dead_letters) })
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

  write_logs = [{
    Sid      = "WriteLogs"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }]

  # X-Ray has no resources: IAM accepts only "*" for these two actions.
  send_traces = var.tracing != "Active" ? [] : [
    {
      Sid      = "SendTraces"
      Effect   = "Allow"
      Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource = ["*"]
    },
  ]

  # Lambda creates network interfaces with this role. EC2 has no resources for two of these actions, and interfaces have no names in advance. The
  # second statement denies the same actions to the function's own code.
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
      Sid    = "DenyFunctionCode"
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

  send_dead_letters = concat(
    [for queue in aws_sqs_queue.dead_letters : {
      Sid      = "SendDeadLetters"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [queue.arn]
    }],
    [for key in try(var.dead_letters.kms_key_arn, null)[*] : {
      Sid      = "EncryptDeadLetters"
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
