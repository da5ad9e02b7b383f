# Alarms of the HTTP API.
locals {
  stage = try({ ApiId = var.api.id, Stage = var.api.stage }, {})

  api_alarms = merge([for api in var.api[*] : {
    errors = {
      description = "More than 1 % of the API's requests were answered 5xx for ten minutes. Look in the access log for integrationError: a function that fails, that the API may not invoke, or that exceeds the timeout of the API."
      threshold   = 0.01
      periods     = 2
      period      = 300
      expression  = { rate = "errors / calls" }
      label       = "5xx by requests"
      metrics = {
        calls  = { namespace = "AWS/ApiGateway", name = "Count", dimensions = local.stage, stat = "Sum" }
        errors = { namespace = "AWS/ApiGateway", name = "5xx", dimensions = local.stage, stat = "Sum" }
      }
    }
    p99 = {
      description = "One request in a hundred took longer than ${api.p99_ms} ms for fifteen minutes. Look for the slow route in the access log: latencyMs has the total and integrationLatencyMs the model's part."
      threshold   = api.p99_ms
      periods     = 3
      period      = 300
      metrics     = { latency = { namespace = "AWS/ApiGateway", name = "Latency", dimensions = local.stage, stat = "p99" } }
    }
  }]...)
}
