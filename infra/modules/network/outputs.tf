output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Address range of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "subnet_ids" {
  description = "Ids of the private subnets, one a zone."
  value       = [for subnet in aws_subnet.this : subnet.id]

  # Functions and tasks in these subnets need the endpoints from the start.
  depends_on = [aws_route_table_association.this, aws_vpc_endpoint.gateway, aws_vpc_endpoint.interface]
}

output "workload_security_group_id" {
  description = "Id of the security group for functions and services: out to the endpoints, nothing in."
  value       = aws_security_group.workload.id

  depends_on = [aws_vpc_security_group_egress_rule.endpoints, aws_vpc_security_group_egress_rule.gateways, aws_vpc_security_group_ingress_rule.workload]
}

output "endpoint_security_group_id" {
  description = "Id of the security group of the interface endpoints."
  value       = aws_security_group.endpoints.id
}

output "endpoints" {
  description = "Id of the endpoint by service, such as \"kms\" or \"s3\"."
  value       = { for service, endpoint in merge(aws_vpc_endpoint.gateway, aws_vpc_endpoint.interface) : service => endpoint.id }
}

output "route_table_ids" {
  description = "Ids of the subnets' route tables."
  value       = [aws_route_table.this.id]
}
