locals {
  # What functions do with the ledger. DynamoDB counts these two by operation.
  ledger_operations = ["BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"]

  ledger_alarms = {
    ThrottledRequests = {
      name = "throttles"
      text = "DynamoDB throttled the ledger for ten minutes. Look at its hot partition: one tenant's counters, or a table that just came from little use and still doubles its capacity."
    }
    SystemErrors = {
      name = "errors"
      text = "DynamoDB answered the ledger with errors of its own for ten minutes. Calls are refused meanwhile. Look at the AWS Health Dashboard."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "ledger" {
  for_each = var.ledger_table == null ? {} : local.ledger_alarms

  alarm_name          = "${var.name}/ledger-${each.value.name}"
  alarm_description   = each.value.text
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = var.tags

  metric_query {
    id          = "all"
    expression  = join(" + ", [for operation in local.ledger_operations : "FILL(${lower(operation)}, 0)"])
    label       = each.key
    return_data = true
  }

  dynamic "metric_query" {
    for_each = toset(local.ledger_operations)

    content {
      id = lower(metric_query.key)

      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = each.key
        dimensions  = { TableName = var.ledger_table, Operation = metric_query.key }
        stat        = "Sum"
        period      = 300
      }
    }
  }
}
