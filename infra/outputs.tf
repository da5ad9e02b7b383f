output "endpoint" {
  description = "URL of the HTTP API before all models, or null without one."
  value       = one(module.api[*].endpoint)
}

output "endpoints" {
  description = "Where each model is called: the HTTP API, except for a model that streams at a Function URL; without an API the Function URL, or for a model with a GPU the name in its certificate, which you point to its load balancer. Null where there is none of them."
  value       = local.endpoints
}

output "api_id" {
  description = "Id of the HTTP API, or null without one."
  value       = one(module.api[*].api_id)
}

output "function_names" {
  description = "Name of the function by model."
  value       = { for model, function in module.function : model => function.function_name }
}

output "alias_arns" {
  description = "ARN of the alias `live` by model: what a caller's IAM policy names where the URL asks for AWS_IAM."
  value       = { for model, function in module.function : model => function.alias_arn }
}

output "versions" {
  description = "By model, the function's version that this apply published (`newest`) and the one that callers reach (`stable`): what to write as stable_version before a canary."
  value       = { for model, function in module.function : model => { newest = function.version, stable = function.stable_version } }
}

output "bucket" {
  description = "Name of the registry's bucket."
  value       = module.registry.bucket
}

output "store" {
  description = "The registry as `amaas publish` and AMAAS_STORE want it: s3://BUCKET."
  value       = module.registry.store
}

output "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the registry."
  value       = module.registry.kms_key_arn
}

output "sealing_key_arn" {
  description = "ARN of the KMS key that wraps the keys of sealed calls and models."
  value       = module.registry.sealing_key_arn
}

output "ledger_table" {
  description = "Name of the table with tenants, API keys, limits, prices and usage."
  value       = module.ledger.table
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard, or null without observability."
  value       = one(module.observability[*].dashboard)
}

output "load_balancers" {
  description = "By model with a GPU, the URL of its internal load balancer."
  value       = { for model, service in module.gpu : model => service.endpoint }
}

output "env" {
  description = "By model, the environment variables that the `amaas` command and the SDK read, as `amaas env` prints them. Never a secret."
  value = {
    for model, endpoint in local.endpoints : model => merge(
      {
        AMAAS_KMS_KEY = module.registry.sealing_key_arn
        AMAAS_LEDGER  = "dynamodb:${module.ledger.table}"
        AMAAS_MODEL   = model
        AMAAS_STORE   = module.registry.store
        AWS_REGION    = data.aws_region.current.id
      },
      endpoint == null ? {} : { AMAAS_ENDPOINT = endpoint },
      endpoint == null || !local.signed[model] ? {} : { AMAAS_SIGV4 = "${local.by_api[model] ? "execute-api" : "lambda"}:${data.aws_region.current.id}" },
    )
  }
}

locals {
  # What streams keeps its own URL: HTTP APIs give whole answers.
  by_api = { for model, settings in var.models : model => var.api != null && settings.url.mode != "RESPONSE_STREAM" }

  # Whether AWS asks callers for a signature before the function sees anything.
  signed = {
    for model, settings in var.models : model => (
      local.by_api[model] ? var.api.authorization == "AWS_IAM" : settings.gpu == null && settings.url.authorization == "AWS_IAM"
    )
  }

  endpoints = merge(
    { for model, function in module.function : model => local.by_api[model] ? module.api[0].endpoint : function.endpoint },
    # A load balancer's own name is in no certificate, and the SDK speaks plain HTTP with this machine only.
    {
      for model, settings in local.services : model => (
        local.by_api[model] ? module.api[0].endpoint : settings.gpu.server_name == null ? null : "https://${settings.gpu.server_name}"
      )
    },
  )
}
