output "endpoint" {
  description = "URL of the load balancer, reachable from within the VPC."
  value       = "${var.certificate_arn == null ? "http" : "https"}://${aws_lb.this.dns_name}"
}

output "listener_arn" {
  description = "ARN of the load balancer's listener, for a VPC link of an HTTP API."
  value       = aws_lb_listener.this.arn
}

output "listener_port" {
  description = "Port of the listener: 443 with a certificate, 80 without."
  value       = aws_lb_listener.this.port
}

output "load_balancer" {
  description = "The dimension `LoadBalancer` of the load balancer's metrics."
  value       = aws_lb.this.arn_suffix
}

output "target_group" {
  description = "The dimension `TargetGroup` of the load balancer's metrics."
  value       = aws_lb_target_group.this.arn_suffix
}

output "security_group_id" {
  description = "Id of the load balancer's security group."
  value       = aws_security_group.balancer.id
}

output "cluster" {
  description = "Name of the ECS cluster."
  value       = aws_ecs_cluster.this.name
}

output "service" {
  description = "Name of the ECS service."
  value       = aws_ecs_service.this.name
}

output "log_group" {
  description = "Name of the tasks' log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "task_role_name" {
  description = "Name of the role of the model's program."
  value       = aws_iam_role.task.name
}
