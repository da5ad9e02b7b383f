output "dashboard" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "topic_arn" {
  description = "ARN of the topic that alarms, the budget and cost anomalies go to."
  value       = aws_sns_topic.this.arn
}

output "alarm_names" {
  description = "Names of all alarms, in order."
  value = sort([for alarm in concat(
    values(aws_cloudwatch_metric_alarm.errors),
    values(aws_cloudwatch_metric_alarm.throttles),
    values(aws_cloudwatch_metric_alarm.duration),
    values(aws_cloudwatch_metric_alarm.cold_starts),
    values(aws_cloudwatch_metric_alarm.dead_letters),
    values(aws_cloudwatch_metric_alarm.unhealthy),
    values(aws_cloudwatch_metric_alarm.service_errors),
    values(aws_cloudwatch_metric_alarm.service_duration),
    aws_cloudwatch_metric_alarm.api_errors,
    aws_cloudwatch_metric_alarm.api_latency,
    values(aws_cloudwatch_metric_alarm.ledger),
  ) : alarm.alarm_name])
}
