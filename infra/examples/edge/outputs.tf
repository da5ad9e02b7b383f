output "endpoint" {
  description = "URL of the edge, for callers of the model."
  value       = module.edge.endpoint
}

output "function_url" {
  description = "The Function URL behind it, which accepts requests that CloudFront or an authorized IAM principal of the account signed."
  value       = module.amaas.endpoints["sentiment"]
}

output "env" {
  description = "Environment variables for the `amaas` command. Never a secret."
  value       = module.amaas.env["sentiment"]
}

output "policies" {
  description = "IAM policies, in JSON, of publishers, administrators and operators, to attach to your own roles."
  value       = module.amaas.policies
}
