variable "name" {
  description = "Name of the dashboard and prefix of every name this module makes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits or hyphens and start with a letter: write \"amaas\", not ${jsonencode(var.name)}."
  }
}

variable "functions" {
  description = <<-TEXT
    The models that are Lambda functions, by name.
    - function_name, alias: the function and the alias of callers
    - log_group: name of the function's log group, in which a metric filter counts cold starts
    - dead_letter_queue: name of the dead letter queue, if there is one
    - alarms: thresholds. error_rate and cold_start_rate are shares of the calls, throttles is a number in five minutes, p99_ms is a duration
  TEXT
  type = map(object({
    function_name     = string
    alias             = string
    log_group         = string
    dead_letter_queue = optional(string)
    alarms = optional(object({
      error_rate      = optional(number, 0.01)
      throttles       = optional(number, 1)
      p99_ms          = optional(number, 1000)
      cold_start_rate = optional(number, 0.2)
    }), {})
  }))
  nullable = false

  validation {
    condition     = alltrue([for model in keys(var.functions) : can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])
    error_message = "functions must have names of models as keys, 1 to 40 lower-case letters, digits, hyphens or underscores: write \"sentiment\", not ${jsonencode([for model in keys(var.functions) : model if !can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])}."
  }

  validation {
    condition = alltrue([for function in var.functions : alltrue([
      function.alarms.error_rate >= 0 && function.alarms.error_rate < 1,
      function.alarms.cold_start_rate >= 0 && function.alarms.cold_start_rate <= 1,
      function.alarms.throttles >= 1,
      function.alarms.p99_ms > 0,
    ])])
    error_message = "alarms of a model must have rates as shares between 0 and 1, one throttle or more, and a p99 above 0 ms: write alarms = { error_rate = 0.01, throttles = 1, p99_ms = 1000, cold_start_rate = 0.2 }, where 0.01 is 1 %. The models are ${join(", ", sort(keys(var.functions)))}."
  }
}

variable "services" {
  description = <<-TEXT
    The models that are services behind a load balancer, by name.
    - cluster, service: names in ECS
    - load_balancer, target_group: suffixes of their ARNs (`arn_suffix`), which are CloudWatch's dimensions
    - log_group: name of the log group
    - p99_ms: threshold of the p99 duration
  TEXT
  type = map(object({
    cluster       = string
    service       = string
    load_balancer = string
    target_group  = string
    log_group     = string
    p99_ms        = optional(number, 2000)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for model in keys(var.services) : can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])
    error_message = "services must have names of models as keys, 1 to 40 lower-case letters, digits, hyphens or underscores: write \"sentiment\", not ${jsonencode([for model in keys(var.services) : model if !can(regex("^[a-z0-9][a-z0-9_-]{0,39}$", model))])}."
  }

  # Their alarms would have the same name.
  validation {
    condition     = length(setintersection(keys(var.functions), keys(var.services))) == 0
    error_message = "services must not name a model that is in functions as well: take ${join(", ", setintersection(keys(var.functions), keys(var.services)))} out of one of them."
  }

  validation {
    condition     = alltrue([for service in var.services : startswith(service.load_balancer, "app/") && startswith(service.target_group, "targetgroup/")])
    error_message = "services must have the suffixes of ARNs: write load_balancer = \"app/NAME/ID\" and target_group = \"targetgroup/NAME/ID\", the attribute arn_suffix of either."
  }

  validation {
    condition     = alltrue([for service in var.services : service.p99_ms > 0])
    error_message = "services must have a p99_ms above 0: write 2000 for two seconds."
  }
}

variable "api" {
  description = "The HTTP API: `id` and `stage` of the api module, and `p99_ms`, the threshold of the p99 latency. Null creates no alarms."
  type = object({
    id     = string
    stage  = string
    p99_ms = optional(number, 2000)
  })
  default = null
}

variable "ledger_table" {
  description = "Name of the ledger's table. Null creates no alarms."
  type        = string
  default     = null
}

variable "notify" {
  description = "Recipients: `emails` of the module's topic, which must confirm, and `topic_arns` of more topics for alarms."
  type = object({
    emails     = optional(list(string), [])
    topic_arns = optional(list(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for email in var.notify.emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", email))])
    error_message = "emails must be e-mail addresses: write \"ops@example.com\", not ${jsonencode(var.notify.emails)}."
  }

  # An alarm has five actions at most, and the module's topic is one.
  validation {
    condition     = length(var.notify.topic_arns) <= 4 && alltrue([for arn in var.notify.topic_arns : can(regex("^arn:[^:]+:sns:${data.aws_region.current.id}:[0-9]{12}:[^:]+$", arn))])
    error_message = "topic_arns must be up to four ARNs of topics in ${data.aws_region.current.id}, because an alarm cannot notify another region: write \"arn:aws:sns:${data.aws_region.current.id}:ACCOUNT:NAME\", not ${jsonencode(var.notify.topic_arns)}."
  }
}

variable "kms_key_arn" {
  description = "ARN of your own KMS key for the topic; the README has its policy. Null creates one. A plan must know whether it is null."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z0-9-]+:kms:${data.aws_region.current.id}:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key in ${data.aws_region.current.id}, the region of the stack, and not of an alias: write \"arn:aws:kms:${data.aws_region.current.id}:ACCOUNT:key/ID\", or leave it out to create one, not ${jsonencode(var.kms_key_arn)}."
  }
}

variable "cost_tag" {
  description = "Cost allocation tag, such as { key = \"application\", value = \"amaas\" }: `budget` and `cost_anomaly` cover resources with it only. The tag must be active for cost allocation. Null covers the whole account."
  type = object({
    key   = string
    value = string
  })
  default = null
}

variable "budget" {
  description = <<-TEXT
    A monthly budget, which notifies and stops nothing. Null creates none.
    - monthly_usd: the budget in US dollars
    - thresholds: percents of actual costs that notify
    - forecast: percent of forecasted costs that notifies
    - emails: recipients beside the topic
  TEXT
  type = object({
    monthly_usd = number
    thresholds  = optional(list(number), [50, 80, 100])
    forecast    = optional(number, 100)
    emails      = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.budget == null || try(var.budget.monthly_usd > 0 && var.budget.forecast > 0 && alltrue([for percent in var.budget.thresholds : percent > 0]), false)
    error_message = "budget must have a monthly_usd above 0, and thresholds and a forecast in percent above 0: write { monthly_usd = 100, thresholds = [50, 80, 100] }."
  }

  validation {
    condition     = var.budget == null || try(length(var.budget.thresholds) <= 9, false)
    error_message = "budget.thresholds must be nine or fewer, because a budget has ten notifications at most and the forecast is one: write [50, 80, 100]."
  }
}

variable "cost_anomaly" {
  description = "Notifies of cost anomalies with an impact of `impact_usd` or more. Null does not."
  type = object({
    impact_usd = number
  })
  default = null

  validation {
    condition     = var.cost_anomaly == null || try(var.cost_anomaly.impact_usd > 0, false)
    error_message = "cost_anomaly.impact_usd must be above 0: write { impact_usd = 20 }."
  }
}

variable "tags" {
  description = "Tags of every resource that takes tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
