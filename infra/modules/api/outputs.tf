output "endpoint" {
  description = "URL of the API without a slash at its end: the domain where there is one."
  value       = var.domain == null ? aws_apigatewayv2_api.this.api_endpoint : "https://${aws_apigatewayv2_domain_name.this[0].domain_name}"

  # Before the route, the grant and the stage there is nothing to call.
  depends_on = [aws_apigatewayv2_stage.this, aws_lambda_permission.this, aws_apigatewayv2_api_mapping.this]
}

output "api_id" {
  description = "Id of the API, the dimension `ApiId` of its metrics."
  value       = aws_apigatewayv2_api.this.id
}

output "execution_arn" {
  description = "What a caller's policy names for `execute-api:Invoke` where `authorization` is AWS_IAM, followed by /STAGE/METHOD/PATH."
  value       = aws_apigatewayv2_api.this.execution_arn
}

output "stage" {
  description = "Name of the stage, the dimension `Stage` of the API's metrics."
  value       = aws_apigatewayv2_stage.this.name
}

output "log_group" {
  description = "Name of the access log's group."
  value       = aws_cloudwatch_log_group.this.name
}

output "routes" {
  description = "The model that answers, by route key such as \"ANY /v1/models/sentiment\"."
  value       = tomap(local.routes)
}
