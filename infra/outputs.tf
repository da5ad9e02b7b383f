output "endpoint" {
  description = "URL of the HTTP API, or null without one."
  value       = one(module.api[*].endpoint)
}

output "endpoints" {
  description = "URL of each model. With an API it is the API's, except for a model that streams at its Function URL. Without an API it is the Function URL, or for a GPU the name in the certificate, which you point to the load balancer. Null if there is none of them. With `edges` it is the Function URL behind the edge."
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
  description = "By model, ARN of the alias `live`, for the IAM policies of callers of a URL with AWS_IAM."
  value       = { for model, function in module.function : model => function.alias_arn }
}

output "versions" {
  description = "By model, the function's version that this apply published (`newest`) and the one that callers reach (`stable`). Write the latter as stable_version before a canary."
  value       = { for model, function in module.function : model => { newest = function.version, stable = function.stable_version } }
}

output "bucket" {
  description = "Name of the registry's bucket."
  value       = local.registry.bucket
}

output "store" {
  description = "The registry as value of `--store` and AMAAS_STORE: s3://BUCKET."
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
  description = "Value of `registry.existing` of another stack: bucket, kms_key_arn, sealing_key_arn."
  value       = { bucket = local.registry.bucket, kms_key_arn = local.registry.kms_key_arn, sealing_key_arn = local.registry.sealing_key_arn }
}

output "ledger" {
  description = "Value of `ledger.existing` of another stack: table, kms_key_arn."
  value       = { table = local.ledger.table, kms_key_arn = local.ledger.kms_key_arn }
}

output "log_key_arn" {
  description = "ARN of the KMS key of the log groups, for `logs.kms_key_arn` of another stack; null without one."
  value       = local.log_kms_key_arn
}

output "policies" {
  description = "IAM policies, in JSON, for people and pipelines: `publisher` (amaas publish, alias, keys rotate), `administrator` (amaas tenants, keys, prices, usage, models remove, store prune), and `operator` (terraform), a map of documents that each fit into a managed policy. Attach them to your own roles."
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
      # CloudFront signs requests, for which callers must send the hash of each body.
      !contains(keys(var.edges), model) ? {} : { AMAAS_CONTENT_SHA256 = "on" },
      endpoint == null || !local.signed[model] || contains(keys(var.edges), model) ? {} : { AMAAS_SIGV4 = "${local.behind_api[model] ? "execute-api" : "lambda"}:${data.aws_region.current.id}" },
    )
  }
}

locals {
  # A streaming model keeps its own URL, because HTTP APIs do not stream.
  behind_api = { for model, settings in local.models : model => module.settings.api != null && settings.url.mode != "RESPONSE_STREAM" }

  # Whether AWS requires a signature before the function is called.
  signed = {
    for model, settings in local.models : model => (
      local.behind_api[model] ? module.settings.api.authorization == "AWS_IAM" : settings.gpu == null && settings.url.authorization == "AWS_IAM"
    )
  }

  endpoints = merge(
    { for model, function in module.function : model => local.behind_api[model] ? module.api[0].endpoint : function.endpoint },
    # No certificate has a load balancer's own name, and the SDK uses plain HTTP for localhost only.
    {
      for model, settings in local.services : model => (
        local.behind_api[model] ? module.api[0].endpoint : settings.gpu.server_name == null ? null : "https://${settings.gpu.server_name}"
      )
    },
  )
}
