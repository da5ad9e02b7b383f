# The VPC's default group would allow its members to reach each other and the outside. It gets no rules.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  tags   = merge(var.tags, { Name = "${var.name}-unused" })
}

# For functions and tasks. Security groups do not apply to the DNS of the VPC.
resource "aws_security_group" "workload" {
  #checkov:skip=CKV2_AWS_5:the modules that run functions and services attach it
  name        = "${var.name}-workload"
  description = "Functions and services: out to the endpoints of AWS services, nothing in"
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.tags, { Name = "${var.name}-workload" })
}

resource "aws_vpc_security_group_egress_rule" "endpoints" {
  security_group_id            = aws_security_group.workload.id
  description                  = "HTTPS to the interface endpoints"
  referenced_security_group_id = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "gateways" {
  for_each = aws_vpc_endpoint.gateway

  security_group_id = aws_security_group.workload.id
  description       = "HTTPS to ${each.key}"
  prefix_list_id    = each.value.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Interface endpoints: in from functions and services, nothing out"
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "workload" {
  security_group_id            = aws_security_group.endpoints.id
  description                  = "HTTPS from functions and services"
  referenced_security_group_id = aws_security_group.workload.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = var.tags
}
