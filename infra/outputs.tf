output "endpoints" {
  description = "Function URL by model; null for a model without one."
  value       = { for model, function in module.function : model => function.endpoint }
}

output "function_names" {
  description = "Name of the function by model."
  value       = { for model, function in module.function : model => function.function_name }
}

output "alias_arns" {
  description = "ARN of the alias `live` by model: what a caller's IAM policy names where the URL asks for AWS_IAM."
  value       = { for model, function in module.function : model => function.alias_arn }
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

output "env" {
  description = "By model, the environment variables that the `amaas` command and the SDK read. Never a secret."
  value = {
    for model, function in module.function : model => merge(
      {
        AMAAS_KMS_KEY = module.registry.sealing_key_arn
        AMAAS_LEDGER  = "dynamodb:${module.ledger.table}"
        AMAAS_MODEL   = model
        AMAAS_STORE   = module.registry.store
        AWS_REGION    = data.aws_region.current.name
      },
      function.endpoint == null ? {} : { AMAAS_ENDPOINT = function.endpoint },
    )
  }
}
