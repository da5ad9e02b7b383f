# Internal: callers reach it through the VPC link of an HTTP API, or from within the VPC.
resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_150:`deletion_protection` is a setting
  #checkov:skip=CKV_AWS_91:`access_log_bucket` is a setting; the service logs each call itself
  #checkov:skip=CKV2_AWS_28:internal; a web ACL belongs in front of the public API
  name                       = substr(local.balancer_name, 0, 32)
  internal                   = true
  load_balancer_type         = "application"
  security_groups            = [aws_security_group.balancer.id]
  subnets                    = var.network.subnet_ids
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection
  idle_timeout               = 120 # a streamed answer may pause for as long
  tags                       = var.model.tags

  dynamic "access_logs" {
    for_each = var.access_log_bucket[*]

    content {
      bucket  = access_logs.value
      prefix  = local.service_name
      enabled = true
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.balancer_name) <= 32
      error_message = "${var.model.name}: name and model must have 31 characters together, because a load balancer's name has 32 at most with the hyphen: \"${local.service_name}\" has ${length(local.service_name)}. Give the model, or the stack, a shorter name."
    }
  }
}

resource "aws_lb_target_group" "this" {
  name                          = substr(local.balancer_name, 0, 32)
  port                          = local.port
  protocol                      = "HTTP"
  target_type                   = "ip"
  vpc_id                        = var.network.vpc_id
  load_balancing_algorithm_type = "least_outstanding_requests"
  deregistration_delay          = 30 # as long as a server drains
  tags                          = var.model.tags

  # Ready when the model is loaded, checked and warmed up.
  health_check {
    path                = "/v2/health/ready"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "this" {
  #checkov:skip=CKV_AWS_2:plain HTTP only without a certificate, inside the VPC, where calls then have to be sealed
  #checkov:skip=CKV_AWS_103:with a certificate the policy is TLS 1.3 and 1.2
  load_balancer_arn = aws_lb.this.arn
  port              = var.certificate_arn == null ? 80 : 443
  protocol          = var.certificate_arn == null ? "HTTP" : "HTTPS"
  certificate_arn   = var.certificate_arn
  ssl_policy        = var.certificate_arn == null ? null : "ELBSecurityPolicy-TLS13-1-2-2021-06"
  tags              = var.model.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_security_group" "balancer" {
  name        = "${local.service_name}-balancer"
  description = "The load balancer of ${local.service_name}"
  vpc_id      = var.network.vpc_id
  tags        = var.model.tags
}

resource "aws_security_group" "task" {
  name        = "${local.service_name}-task"
  description = "The tasks of ${local.service_name}, reached by their load balancer only"
  vpc_id      = var.network.vpc_id
  tags        = var.model.tags
}

resource "aws_vpc_security_group_ingress_rule" "client_group" {
  count = length(var.network.client_security_group_ids)

  security_group_id            = aws_security_group.balancer.id
  description                  = "Callers"
  ip_protocol                  = "tcp"
  from_port                    = aws_lb_listener.this.port
  to_port                      = aws_lb_listener.this.port
  referenced_security_group_id = var.network.client_security_group_ids[count.index]
}

resource "aws_vpc_security_group_ingress_rule" "client_address" {
  for_each = toset(var.network.client_cidrs)

  security_group_id = aws_security_group.balancer.id
  description       = "Callers"
  ip_protocol       = "tcp"
  from_port         = aws_lb_listener.this.port
  to_port           = aws_lb_listener.this.port
  cidr_ipv4         = each.key
}

resource "aws_vpc_security_group_egress_rule" "to_task" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "Tasks"
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  referenced_security_group_id = aws_security_group.task.id
}

resource "aws_vpc_security_group_ingress_rule" "from_balancer" {
  security_group_id            = aws_security_group.task.id
  description                  = "The load balancer"
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  referenced_security_group_id = aws_security_group.balancer.id
}
