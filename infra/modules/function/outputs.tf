output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "ARN of the function, without a version."
  value       = aws_lambda_function.this.arn
}

output "alias_arn" {
  description = "ARN of the alias `live`, for policies that let callers invoke it."
  value       = aws_lambda_alias.live.arn
}

output "alias" {
  description = "Name of the alias that callers reach."
  value       = aws_lambda_alias.live.name

  # Grants of other modules on the alias come after this module's own.
  depends_on = [aws_cloudformation_stack.public_invoke]
}

output "alias_invoke_arn" {
  description = "ARN of the alias `live` for an HTTP API's integration."
  value       = aws_lambda_alias.live.invoke_arn
}

output "version" {
  description = "Version that this apply published. Write it as `stable_version` before the next canary."
  value       = aws_lambda_function.this.version
}

output "stable_version" {
  description = "Version of the alias `live`, without a canary's share."
  value       = aws_lambda_alias.live.function_version
}

output "dead_letter_queue" {
  description = "Name of the dead letter queue, or null without one."
  value       = one(aws_sqs_queue.dead_letters[*].name)
}

output "endpoint" {
  description = "The Function URL, or null if `url.mode` is OFF."
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
