output "endpoint" {
  description = "URL of the HTTP API in front of the model; callers sign for execute-api."
  value       = module.amaas.endpoint
}

output "env" {
  description = "By model, environment variables for the `amaas` command, as `amaas env --terraform .` prints them. Never a secret."
  value       = module.amaas.env
}
