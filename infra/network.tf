module "network" {
  source = "./modules/network"
  count  = local.makes_network ? 1 : 0

  name             = var.name
  cidr             = module.settings.network.cidr
  zones            = module.settings.network.zones
  zone_names       = module.settings.network.zone_names
  zone_ids         = module.settings.network.zone_ids
  exclude_zone_ids = module.settings.network.exclude_zone_ids
  roles            = module.settings.roles
  flow_logs        = !module.settings.network.flow_logs.enabled ? null : { retention_days = module.settings.network.flow_logs.retention_days, kms_key_arn = local.log_kms_key_arn }
  tags             = var.tags

  # The VPC reaches no other bucket.
  bucket_arns = [local.registry.bucket_arn]

  # ECS starts tasks, pulls images and writes logs through these endpoints.
  endpoints = distinct(concat(
    length(local.services) == 0 ? [] : ["ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "logs"],
    module.settings.network.endpoints,
  ))
}

locals {
  makes_network = try(module.settings.network.existing == null, false)

  network = one(concat(
    [for network in module.network : {
      vpc_id             = network.vpc_id
      subnet_ids         = network.subnet_ids
      security_group_ids = [network.workload_security_group_id]
    }],
    [for network in module.settings.network[*] : network.existing if network.existing != null],
  ))
}
