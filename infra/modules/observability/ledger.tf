# Alarms of the ledger's table.
locals {
  # Operations that functions use. DynamoDB counts throttles and errors by operation.
  ledger_operations = ["BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"]

  ledger_metrics = {
    throttles = {
      name        = "ThrottledRequests"
      description = "DynamoDB throttled the ledger for ten minutes. Look at its hot partition: one tenant's counters, or a table whose capacity still grows after little use."
    }
    errors = {
      name        = "SystemErrors"
      description = "DynamoDB answered the ledger with errors of its own for ten minutes. Calls are refused meanwhile. Look at the AWS Health Dashboard."
    }
  }

  ledger_alarms = merge([for table in var.ledger_table[*] : {
    for alarm, metric in local.ledger_metrics : alarm => {
      description = metric.description
      threshold   = 0
      periods     = 2
      period      = 300
      expression  = { all = join(" + ", [for operation in local.ledger_operations : "FILL(${lower(operation)}, 0)"]) }
      label       = metric.name
      metrics = { for operation in local.ledger_operations : lower(operation) => {
        namespace = "AWS/DynamoDB", name = metric.name, dimensions = { TableName = table, Operation = operation }, stat = "Sum"
      } }
    }
  }]...)
}
