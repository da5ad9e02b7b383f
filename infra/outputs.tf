output "endpoint" {
  description = "URL of the HTTP API before all models, or null without one."
  value       = one(module.api[*].endpoint)
}

output "endpoints" {
  description = "Where each model is called: the HTTP API, except for a model that streams at a Function URL; without an API the Function URL, or for a model with a GPU the name in its certificate, which you point to its load balancer. Null where there is none of them. With `edges` it is the Function URL behind the edge."
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
  value       = local.registry.bucket
}

output "store" {
  description = "The registry as `amaas publish` and AMAAS_STORE want it: s3://BUCKET."
  value       = local.registry.store
}

output "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the registry."
  value       = local.registry.kms_key_arn
}

output "sealing_key_arn" {
  description = "ARN of the KMS key that wraps the keys of sealed calls and models."
  value       = local.registry.sealing_key_arn
}

output "ledger_table" {
  description = "Name of the table with tenants, API keys, limits, prices and usage."
  value       = local.ledger.table
}

output "registry" {
  description = "The registry as `registry.existing` of another stack takes it: bucket, kms_key_arn, sealing_key_arn."
  value       = { bucket = local.registry.bucket, kms_key_arn = local.registry.kms_key_arn, sealing_key_arn = local.registry.sealing_key_arn }
}

output "ledger" {
  description = "The ledger as `ledger.existing` of another stack takes it: table, kms_key_arn."
  value       = { table = local.ledger.table, kms_key_arn = local.ledger.kms_key_arn }
}

output "log_key_arn" {
  description = "ARN of the KMS key of the log groups, as `logs.kms_key_arn` of another stack takes it; null without one."
  value       = local.log_kms_key_arn
}

output "policies" {
  description = "IAM policies, in JSON, for people and pipelines: `publisher` (amaas publish, alias, keys rotate), `administrator` (amaas tenants, keys, prices, usage, models remove, store prune), and `operator` (terraform), a map of documents that fit into a managed policy each. The module attaches them to no role."
  value = {
    publisher     = module.policies.publisher
    administrator = module.policies.administrator
    operator      = module.policies.operator
  }
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
        AMAAS_KMS_KEY = local.registry.sealing_key_arn
        AMAAS_LEDGER  = "dynamodb:${local.ledger.table}"
        AMAAS_MODEL   = model
        AMAAS_STORE   = local.registry.store
        AWS_REGION    = data.aws_region.current.id
      },
      endpoint == null ? {} : { AMAAS_ENDPOINT = try(var.edges[model].endpoint, endpoint) },
      # CloudFront signs in its callers' place, for which they have to say the hash of each body.
      !contains(keys(var.edges), model) ? {} : { AMAAS_CONTENT_SHA256 = "on" },
      endpoint == null || !local.signed[model] || contains(keys(var.edges), model) ? {} : { AMAAS_SIGV4 = "${local.behind_api[model] ? "execute-api" : "lambda"}:${data.aws_region.current.id}" },
    )
  }
}

locals {
  # What streams keeps its own URL: HTTP APIs give whole answers.
  behind_api = { for model, settings in local.models : model => module.settings.api != null && settings.url.mode != "RESPONSE_STREAM" }

  # Whether AWS asks callers for a signature before the function sees anything.
  signed = {
    for model, settings in local.models : model => (
      local.behind_api[model] ? module.settings.api.authorization == "AWS_IAM" : settings.gpu == null && settings.url.authorization == "AWS_IAM"
    )
  }

  endpoints = merge(
    { for model, function in module.function : model => local.behind_api[model] ? module.api[0].endpoint : function.endpoint },
    # A load balancer's own name is in no certificate, and the SDK speaks plain HTTP with this machine only.
    {
      for model, settings in local.services : model => (
        local.behind_api[model] ? module.api[0].endpoint : settings.gpu.server_name == null ? null : "https://${settings.gpu.server_name}"
      )
    },
  )
}
