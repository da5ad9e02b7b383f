output "endpoint" {
  description = "URL of the HTTP API in front of all models."
  value       = module.amaas.endpoint
}

output "endpoints" {
  description = "URL of each model."
  value       = module.amaas.endpoints
}

output "api_id" {
  description = "Id of the HTTP API."
  value       = module.amaas.api_id
}

output "function_names" {
  description = "Name of the function by model."
  value       = module.amaas.function_names
}

output "versions" {
  description = "By model, the function's newest version and the one that callers reach. Write the latter as stable_version before a canary."
  value       = module.amaas.versions
}

output "bucket" {
  description = "Name of the registry's bucket."
  value       = module.amaas.bucket
}

output "store" {
  description = "Where to publish models: `amaas publish … --store $(terraform output -raw store)`."
  value       = module.amaas.store
}

output "kms_key_arn" {
  description = "ARN of the registry's KMS key."
  value       = module.amaas.kms_key_arn
}

output "sealing_key_arn" {
  description = "ARN of the KMS key that wraps the keys of sealed calls and models."
  value       = module.amaas.sealing_key_arn
}

output "ledger_table" {
  description = "Name of the table with tenants, API keys, limits, prices and usage."
  value       = module.amaas.ledger_table
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard."
  value       = module.amaas.dashboard
}

output "env" {
  description = "By model, environment variables for the `amaas` command, as `amaas env --terraform .` prints them. Never a secret."
  value       = module.amaas.env
}

output "policies" {
  description = "IAM policies, in JSON, of publishers, administrators and operators, to attach to your own roles."
  value       = module.amaas.policies
}
