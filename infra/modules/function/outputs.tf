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

output "alias" {
  description = "Name of the alias that callers reach."
  value       = aws_lambda_alias.live.name

  # A grant that names it is written after this module's own.
  depends_on = [aws_cloudformation_stack.public_invoke]
}

output "alias_invoke_arn" {
  description = "What an HTTP API's integration calls: the alias `live`."
  value       = aws_lambda_alias.live.invoke_arn
}

output "version" {
  description = "Version that this apply published: what to write as `stable_version` before the next change is tried as a canary."
  value       = aws_lambda_function.this.version
}

output "stable_version" {
  description = "Version that the alias `live` points to; a canary's share apart."
  value       = aws_lambda_alias.live.function_version
}

output "dead_letter_queue" {
  description = "Name of the queue of dead letters, or null without one."
  value       = one(aws_sqs_queue.dead_letters[*].name)
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
