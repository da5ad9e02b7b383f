output "endpoint" {
  description = "URL of the edge, by which callers reach the model."
  value       = module.edge.endpoint
}

output "function_url" {
  description = "The Function URL behind it, which takes what CloudFront or an IAM principal of the account with the right to it signed."
  value       = module.amaas.endpoints["sentiment"]
}

output "env" {
  description = "Environment variables for the `amaas` command. Never a secret."
  value       = module.amaas.env["sentiment"]
}

output "policies" {
  description = "IAM policies, in JSON, of publishers, administrators and operators, to attach to roles of yours."
  value       = module.amaas.policies
}
