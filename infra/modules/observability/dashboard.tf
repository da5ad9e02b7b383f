resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = local.widgets })
}

# A row a model, then the API and the ledger. A row is a heading and up to four graphs; a graph is a title and its metrics.
locals {
  rows = concat(
    [for model, function in var.functions : {
      heading = "## ${model}\nfunction ${function.function_name}, alias ${function.alias}"
      graphs = [
        {
          title = "Calls, errors, throttles"
          metrics = [for metric in ["Invocations", "Errors", "Throttles"] :
          ["AWS/Lambda", metric, "FunctionName", function.function_name, "Resource", local.alias[model].Resource, { stat = "Sum" }]]
        },
        {
          title = "Duration (ms)"
          metrics = [for stat in ["p50", "p99"] :
          ["AWS/Lambda", "Duration", "FunctionName", function.function_name, "Resource", local.alias[model].Resource, { stat = stat, label = stat }]]
        },
        {
          title = "Cold starts, concurrency"
          metrics = [
            [local.namespace, "ColdStarts-${model}", { stat = "Sum", label = "Cold starts" }],
            ["amaas", "InitDuration", "Model", model, { stat = "Average", label = "Init (ms)", yAxis = "right" }],
            ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", function.function_name, { stat = "Maximum" }],
          ]
        },
        { title = "Usage", metrics = local.usage[model] },
      ]
    }],
    [for model, service in var.services : {
      heading = "## ${model}\nservice ${service.service}, cluster ${service.cluster}"
      graphs = [
        {
          title = "Calls, errors, unhealthy tasks"
          metrics = concat(
            [for metric in ["RequestCount", "HTTPCode_Target_5XX_Count"] :
            ["AWS/ApplicationELB", metric, "LoadBalancer", service.load_balancer, "TargetGroup", service.target_group, { stat = "Sum" }]],
            [["AWS/ApplicationELB", "UnHealthyHostCount", "LoadBalancer", service.load_balancer, "TargetGroup", service.target_group, { stat = "Maximum" }]],
          )
        },
        {
          title = "Duration (s)"
          metrics = [for stat in ["p50", "p99"] :
          ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", service.load_balancer, "TargetGroup", service.target_group, { stat = stat, label = stat }]]
        },
        {
          title = "Queue, processor, memory"
          metrics = concat(
            [["amaas", "QueueDepth", "Model", model, { stat = "Maximum" }]],
            [for metric in ["CPUUtilization", "MemoryUtilization"] :
            ["AWS/ECS", metric, "ClusterName", service.cluster, "ServiceName", service.service, { stat = "Average", yAxis = "right" }]],
          )
        },
        { title = "Usage", metrics = local.usage[model] },
      ]
    }],
    [for api in var.api[*] : {
      heading = "## API\n${api.id}"
      graphs = [
        {
          title   = "Requests and errors"
          metrics = [for metric in ["Count", "4xx", "5xx"] : ["AWS/ApiGateway", metric, "ApiId", api.id, "Stage", api.stage, { stat = "Sum" }]]
        },
        {
          title   = "Latency (ms)"
          metrics = [for metric in ["Latency", "IntegrationLatency"] : ["AWS/ApiGateway", metric, "ApiId", api.id, "Stage", api.stage, { stat = "p99" }]]
        },
      ]
    }],
    [for table in var.ledger_table[*] : {
      heading = "## Ledger\n${table}"
      graphs = [
        {
          title   = "Capacity units"
          metrics = [for metric in ["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"] : ["AWS/DynamoDB", metric, "TableName", table, { stat = "Sum" }]]
        },
        {
          title = "Latency of operations (ms)"
          metrics = [for operation in local.ledger_operations :
          ["AWS/DynamoDB", "SuccessfulRequestLatency", "TableName", table, "Operation", operation, { stat = "Average", label = operation }]]
        },
        {
          title = "Throttled"
          metrics = [for operation in local.ledger_operations :
          ["AWS/DynamoDB", "ThrottledRequests", "TableName", table, "Operation", operation, { stat = "Sum", label = operation }]]
        },
      ]
    }],
  )

  # Metrics that functions and services report themselves.
  usage = { for model in concat(keys(var.functions), keys(var.services)) : model => concat(
    [for metric in ["Calls", "Units", "BytesIn", "BytesOut"] : ["amaas", metric, "Model", model, { stat = "Sum" }]],
    [["amaas", "BilledDuration", "Model", model, { stat = "Sum", label = "Billed (ms)", yAxis = "right" }]],
  ) }

  row_height = 8 # two for the heading, six for the graphs; the dashboard is 24 wide

  widgets = concat(
    [for index, row in local.rows : {
      type       = "text", x = 0, y = index * local.row_height, width = 24, height = 2
      properties = { markdown = row.heading }
    }],
    flatten([for index, row in local.rows : [for column, graph in row.graphs : {
      type       = "metric", x = column * 6, y = index * local.row_height + 2, width = 6, height = 6
      properties = { title = graph.title, metrics = graph.metrics, region = local.region, view = "timeSeries", stacked = false, period = 300 }
    }]]),
  )
}
