# Alarms of the models that are functions. Each reads the metrics of the alias that callers reach, so calls of another version set off none.
locals {
  namespace = "amaas/${var.name}"

  # A model with few calls has a cold start at each of them, which is no fault.
  min_calls = 20

  alias = { for model, function in var.functions : model => {
    FunctionName = function.function_name
    Resource     = "${function.function_name}:${function.alias}"
  } }

  function_alarms = { for model, function in var.functions : model => merge(
    {
      errors = {
        description = "More than ${function.alarms.error_rate * 100} % of the calls of the model ${model} crashed, timed out or were answered with status 500 or more for ten minutes. Look for \"failed\", panics, timeouts and memory in the log group ${function.log_group}."
        threshold   = function.alarms.error_rate
        periods     = 2
        period      = 300
        expression  = { rate = "SUM([errors, failures]) / calls" }
        label       = "Errors by calls"
        metrics = {
          calls  = { namespace = "AWS/Lambda", name = "Invocations", dimensions = local.alias[model], stat = "Sum" }
          errors = { namespace = "AWS/Lambda", name = "Errors", dimensions = local.alias[model], stat = "Sum" }
          # Calls that the function answered with status 500 or more, which Lambda does not count as errors.
          failures = { namespace = "amaas", name = "Failures", dimensions = { Function = function.function_name }, stat = "Sum" }
        }
      }
      throttles = {
        description         = "Lambda refused ${function.alarms.throttles} or more calls of the model ${model} within five minutes. Look at ConcurrentExecutions of ${function.function_name}: raise its reserved concurrency or the account's limit, or find the callers with the most calls."
        comparison_operator = "GreaterThanOrEqualToThreshold"
        threshold           = function.alarms.throttles
        periods             = 1
        period              = 300
        metrics             = { throttles = { namespace = "AWS/Lambda", name = "Throttles", dimensions = local.alias[model], stat = "Sum" } }
      }
      p99 = {
        description = "One call in a hundred of the model ${model} took longer than ${function.alarms.p99_ms} ms for fifteen minutes. Look at cold starts, at the size of inputs, and at the memory of ${function.function_name}, which also determines its CPU."
        threshold   = function.alarms.p99_ms
        periods     = 3
        period      = 300
        metrics     = { duration = { namespace = "AWS/Lambda", name = "Duration", dimensions = local.alias[model], stat = "p99" } }
      }
      cold-starts = {
        description = "More than ${function.alarms.cold_start_rate * 100} % of the calls of the model ${model} had a cold start for half an hour, with ${local.min_calls} calls or more. Look at the traffic: bursts need provisioned concurrency, few calls need a warmer."
        threshold   = function.alarms.cold_start_rate
        periods     = 2
        period      = 900
        expression  = { rate = "IF(calls >= ${local.min_calls}, FILL(starts, 0) / calls, 0)" }
        label       = "Cold starts by calls"
        metrics = {
          calls  = { namespace = "AWS/Lambda", name = "Invocations", dimensions = local.alias[model], stat = "Sum" }
          starts = { namespace = local.namespace, name = aws_cloudwatch_log_metric_filter.cold_starts[model].metric_transformation[0].name, dimensions = null, stat = "Sum" }
        }
      }
    },
    { for queue in function.dead_letter_queue[*] : "dead-letters" => {
      description = "Asynchronous calls of the model ${model} failed and are in the queue ${queue}. Look for the reason in the log group ${function.log_group}, fix it, and redrive the messages before they expire."
      threshold   = 0
      periods     = 1
      period      = 300
      metrics     = { messages = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = queue }, stat = "Maximum" } }
    } },
  ) }
}

# Lambda reports a cold start in its log and in no metric: in text as "Init Duration", in JSON as "initDurationMs".
resource "aws_cloudwatch_log_metric_filter" "cold_starts" {
  for_each = var.functions

  name           = "${var.name}-${each.key}-cold-starts"
  log_group_name = each.value.log_group
  pattern        = "?\"Init Duration:\" ?initDurationMs"

  metric_transformation {
    namespace = local.namespace
    name      = "ColdStarts-${each.key}" # a filter takes dimensions from the log line only, and the line has no model
    value     = "1"
    unit      = "Count"
  }
}
