output "endpoint" {
  description = "URL of the environment's HTTP API."
  value       = module.amaas.endpoint
}

output "versions" {
  description = "By model, the function's newest version and the one that callers reach."
  value       = module.amaas.versions
}

output "env" {
  description = "By model, environment variables for the `amaas` command, as `amaas env --terraform .` prints them. Never a secret."
  value       = module.amaas.env
}
