# AWS rolls back a failing canary by itself within about two minutes. An alarm sends an event, and a state machine with one step routes the alias
# to the stable version alone. The next plan then creates the canary again: remove `canary` from the configuration, or fix the new version.
locals {
  # IAM and EventBridge take 64 characters.
  rollback_name = length(local.function_name) <= 55 ? "${local.function_name}-rollback" : "${substr(local.function_name, 0, 46)}-${substr(sha256(local.function_name), 0, 8)}-rollback"

  rollback_count = try(var.canary.rollback.automatic, false) ? 1 : 0

  # The dimensions of Lambda's metrics for the version that an alias routed a call to.
  canary_dimensions = {
    FunctionName    = aws_lambda_function.this.function_name
    Resource        = "${aws_lambda_function.this.function_name}:${local.alias}"
    ExecutedVersion = aws_lambda_function.this.version
  }

  rollback_definition = {
    Comment = "Rolls back the canary of ${local.function_name} back"
    StartAt = "RouteToStableVersion"
    States = {
      RouteToStableVersion = {
        Type     = "Task"
        Resource = "arn:${data.aws_partition.current.partition}:states:::aws-sdk:lambda:updateAlias"
        Parameters = {
          FunctionName    = aws_lambda_function.this.function_name
          Name            = local.alias
          FunctionVersion = local.stable_version
          RoutingConfig   = { AdditionalVersionWeights = {} }
        }
        Retry = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 2, MaxAttempts = 5, BackoffRate = 2 }]
        End   = true
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "canary_errors" {
  count = local.rollback_count

  alarm_name          = "${var.name}/${var.model.name}/canary-errors"
  alarm_description   = "More than ${var.canary.rollback.error_rate * 100} % of the canary's calls failed: it is rolled back. Look at the log group of ${local.function_name} for its version."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.canary.rollback.error_rate
  evaluation_periods  = var.canary.rollback.minutes
  datapoints_to_alarm = var.canary.rollback.minutes
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  tags                = var.model.tags

  metric_query {
    id          = "rate"
    label       = "Share of failed calls"
    expression  = "IF(calls >= ${var.canary.rollback.min_calls}, SUM([errors, failures]) / calls, 0)"
    return_data = true
  }

  # Calls that the function answered with status 500 or more, which Lambda does not count as errors.
  metric_query {
    id = "failures"

    metric {
      namespace   = "amaas"
      metric_name = "Failures"
      dimensions  = { Function = aws_lambda_function.this.function_name, FunctionVersion = aws_lambda_function.this.version }
      period      = 60
      stat        = "Sum"
    }
  }

  metric_query {
    id = "errors"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Errors"
      dimensions  = local.canary_dimensions
      period      = 60
      stat        = "Sum"
    }
  }

  metric_query {
    id = "calls"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      dimensions  = local.canary_dimensions
      period      = 60
      stat        = "Sum"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "canary_latency" {
  count = try(var.canary.rollback.p99_ms, null) == null ? 0 : local.rollback_count

  alarm_name          = "${var.name}/${var.model.name}/canary-latency"
  alarm_description   = "The slowest percent of the canary's calls took longer than ${var.canary.rollback.p99_ms} ms: it is rolled back."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.canary.rollback.p99_ms
  evaluation_periods  = var.canary.rollback.minutes
  datapoints_to_alarm = var.canary.rollback.minutes
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  dimensions          = local.canary_dimensions
  period              = 60
  extended_statistic  = "p99"

  # Without enough calls a p99 is the slowest call.
  evaluate_low_sample_count_percentiles = "ignore"

  tags = var.model.tags
}

resource "aws_cloudwatch_event_rule" "rollback" {
  count = local.rollback_count

  name        = local.rollback_name
  description = "An alarm of the canary of ${local.function_name} went off"
  tags        = var.model.tags

  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    resources   = concat(aws_cloudwatch_metric_alarm.canary_errors[*].arn, aws_cloudwatch_metric_alarm.canary_latency[*].arn)
    detail      = { state = { value = ["ALARM"] } }
  })
}

resource "aws_cloudwatch_event_target" "rollback" {
  count = local.rollback_count

  rule     = aws_cloudwatch_event_rule.rollback[0].name
  arn      = aws_sfn_state_machine.rollback[0].arn
  role_arn = aws_iam_role.rollback[0].arn
}

resource "aws_sfn_state_machine" "rollback" {
  #checkov:skip=CKV_AWS_284:a rollback is one step whose input is an alarm; there is nothing to trace
  #checkov:skip=CKV_AWS_285:a standard workflow keeps its history itself, and its input is an alarm
  count = local.rollback_count

  name       = local.rollback_name
  type       = "STANDARD"
  role_arn   = aws_iam_role.rollback[0].arn
  definition = jsonencode(local.rollback_definition)
  tags       = var.model.tags

  depends_on = [aws_iam_role_policy.rollback]
}

# One role for both services, which may assume it for this account only.
resource "aws_iam_role" "rollback" {
  count = local.rollback_count

  name                 = local.rollback_name
  path                 = var.model.roles.path
  permissions_boundary = var.model.roles.permissions_boundary
  description          = "Rolls back the canary of ${local.function_name}"
  tags                 = var.model.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EventBridgeAndStepFunctions"
      Effect    = "Allow"
      Principal = { Service = ["events.amazonaws.com", "states.amazonaws.com"] }
      Action    = ["sts:AssumeRole"]
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "rollback" {
  count = local.rollback_count

  name = "rollback"
  role = aws_iam_role.rollback[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "UpdateAlias"
        Effect   = "Allow"
        Action   = ["lambda:UpdateAlias"]
        Resource = [aws_lambda_function.this.arn, "${aws_lambda_function.this.arn}:${local.alias}"]
      },
      {
        Sid      = "StartRollback"
        Effect   = "Allow"
        Action   = ["states:StartExecution"]
        Resource = ["arn:${data.aws_partition.current.partition}:states:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:stateMachine:${local.rollback_name}"]
      },
    ]
  })
}
