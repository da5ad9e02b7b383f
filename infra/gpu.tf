module "gpu" {
  source   = "./modules/gpu"
  for_each = local.services

  name  = var.name
  model = module.model[each.key]

  image               = each.value.image
  execution_providers = coalesce(each.value.execution_providers, ["cuda"])
  instance_type       = each.value.gpu.instance_type
  gpus                = each.value.gpu.gpus
  cpu                 = each.value.gpu.cpu
  memory_mb           = each.value.gpu.memory_mb
  capacity            = each.value.gpu.capacity
  scaling             = each.value.gpu.scaling
  certificate_arn     = each.value.gpu.certificate_arn

  network = {
    vpc_id                    = local.network.vpc_id
    subnet_ids                = local.network.subnet_ids
    security_group_ids        = local.network.security_group_ids
    client_security_group_ids = aws_security_group.api[*].id
    client_cidrs              = each.value.gpu.client_cidrs
  }
}

# Security group of the API's VPC link to services.
resource "aws_security_group" "api" {
  count = module.settings.api != null && length(local.services) > 0 ? 1 : 0

  name        = "${var.name}-api"
  description = "VPC link of the HTTP API of ${var.name} to services"
  vpc_id      = local.network.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_egress_rule" "api" {
  for_each = module.settings.api == null ? {} : module.gpu

  security_group_id            = aws_security_group.api[0].id
  description                  = "The load balancer of ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = each.value.listener_port
  to_port                      = each.value.listener_port
  referenced_security_group_id = each.value.security_group_id
}
