output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "ARN of the function, without a version."
  value       = aws_lambda_function.this.arn
}

output "alias_arn" {
  description = "ARN of the alias `live`, which is what callers should be allowed to invoke."
  value       = aws_lambda_alias.live.arn
}

output "version" {
  description = "Published version that the alias `live` points to."
  value       = aws_lambda_alias.live.function_version
}

output "endpoint" {
  description = "The Function URL, or null where `url.mode` is OFF."
  value       = local.has_url ? aws_lambda_function_url.this[0].function_url : null
}

output "role_name" {
  description = "Name of the function's role."
  value       = aws_iam_role.this.name
}

output "log_group" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.this.name
}
