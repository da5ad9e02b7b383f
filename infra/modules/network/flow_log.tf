# Refused connections only. In a network without internet access these show attempts to reach it.
resource "aws_flow_log" "this" {
  count = var.flow_logs == null ? 0 : 1

  vpc_id               = aws_vpc.this.id
  traffic_type         = "REJECT"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.this[0].arn
  iam_role_arn         = aws_iam_role.flow_log[0].arn
  tags                 = merge(var.tags, { Name = var.name })

  depends_on = [aws_iam_role_policy.flow_log]
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:the retention is a setting, and usually less than a year
  #checkov:skip=CKV_AWS_158:the key is a setting; without it CloudWatch encrypts with its own
  count = var.flow_logs == null ? 0 : 1

  name              = "/aws/vpc/${var.name}"
  retention_in_days = var.flow_logs.retention_days
  kms_key_id        = var.flow_logs.kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "flow_log" {
  count = var.flow_logs == null ? 0 : 1

  name                 = "${var.name}-flow-log"
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary
  description          = "Writes what the network ${var.name} refused"
  assume_role_policy   = jsonencode(local.flow_log_trust)
  tags                 = var.tags
}

resource "aws_iam_role_policy" "flow_log" {
  count = var.flow_logs == null ? 0 : 1

  name = "write"
  role = aws_iam_role.flow_log[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.this[0].arn}:*"]
      },
      {
        # The service lists all log groups to find its own.
        Sid      = "DescribeLogGroups"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogGroups"]
        Resource = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:*"]
      },
    ]
  })
}

locals {
  flow_log_trust = {
    Version = "2012-10-17"
    Statement = [{
      Sid       = "FlowLogs"
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = ["sts:AssumeRole"]
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ec2:${local.region}:${local.account_id}:vpc-flow-log/*" }
      }
    }]
  }
}
