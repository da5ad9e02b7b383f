output "endpoint" {
  description = "URL of the API without a trailing slash: the domain, if there is one."
  value       = var.domain == null ? aws_apigatewayv2_api.this.api_endpoint : "https://${aws_apigatewayv2_domain_name.this[0].domain_name}"

  # The API answers calls only with its routes, grants and stage.
  depends_on = [aws_apigatewayv2_stage.this, aws_lambda_permission.this, aws_apigatewayv2_api_mapping.this]
}

output "api_id" {
  description = "Id of the API, the dimension `ApiId` of its metrics."
  value       = aws_apigatewayv2_api.this.id
}

output "execution_arn" {
  description = "ARN for `execute-api:Invoke` in a caller's policy if `authorization` is AWS_IAM, followed by /STAGE/METHOD/PATH."
  value       = aws_apigatewayv2_api.this.execution_arn
}

output "stage" {
  description = "Name of the stage, the dimension `Stage` of the API's metrics."
  value       = aws_apigatewayv2_stage.this.name
}

output "log_group" {
  description = "Name of the access log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "routes" {
  description = "The model by route key, such as \"ANY /v1/models/sentiment\"."
  value       = tomap(local.routes)
}
