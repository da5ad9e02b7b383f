# Failed asynchronous invocations. A sealed call stays sealed in the queue.
resource "aws_sqs_queue" "dead_letters" {
  count = var.dead_letters == null ? 0 : 1

  name                              = "${local.function_name}-dead-letters"
  message_retention_seconds         = var.dead_letters.retention_days * 86400
  kms_master_key_id                 = var.dead_letters.kms_key_arn
  kms_data_key_reuse_period_seconds = var.dead_letters.kms_key_arn == null ? null : 3600
  sqs_managed_sse_enabled           = var.dead_letters.kms_key_arn == null ? true : null
  tags                              = var.model.tags
}

# A destination, not a `dead_letter_config`: its messages have the reason of the failure, and it belongs to the alias.
resource "aws_lambda_function_event_invoke_config" "this" {
  count = var.dead_letters == null ? 0 : 1

  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = var.dead_letters.retries
  maximum_event_age_in_seconds = var.dead_letters.max_age_s

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters[0].arn
    }
  }

  # Lambda checks whether the role may send to the queue.
  depends_on = [aws_iam_role_policy.this]
}
