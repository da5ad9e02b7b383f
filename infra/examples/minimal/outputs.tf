output "endpoint" {
  description = "Function URL of the model."
  value       = module.amaas.endpoints["sentiment"]
}

output "function_name" {
  description = "Name of the function."
  value       = module.amaas.function_names["sentiment"]
}

output "store" {
  description = "Where to publish the model: `amaas publish … --store $(terraform output -raw store)`."
  value       = module.amaas.store
}

output "bucket" {
  description = "Name of the registry's bucket."
  value       = module.amaas.bucket
}

output "kms_key_arn" {
  description = "ARN of the registry's KMS key."
  value       = module.amaas.kms_key_arn
}

output "sealing_key_arn" {
  description = "ARN of the KMS key that wraps the keys of sealed calls and models."
  value       = module.amaas.sealing_key_arn
}

output "env" {
  description = "Environment variables for the `amaas` command. Never a secret."
  value       = module.amaas.env["sentiment"]
}

output "ledger_table" {
  description = "Name of the table with tenants, API keys, limits, prices and usage."
  value       = module.amaas.ledger_table
}

output "policies" {
  description = "IAM policies, in JSON, of publishers, administrators and operators, to attach to your own roles."
  value       = module.amaas.policies
}
