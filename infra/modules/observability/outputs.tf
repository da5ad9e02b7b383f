output "dashboard" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "topic_arn" {
  description = "ARN of the topic of alarms, the budget and cost anomalies."
  value       = aws_sns_topic.this.arn
}

output "alarm_names" {
  description = "Names of all alarms, in order."
  value       = sort(values(aws_cloudwatch_metric_alarm.this)[*].alarm_name)
}
