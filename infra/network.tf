module "network" {
  source = "./modules/network"
  count  = local.makes_network ? 1 : 0

  name             = var.name
  cidr             = var.network.cidr
  zones            = var.network.zones
  zone_names       = var.network.zone_names
  zone_ids         = var.network.zone_ids
  exclude_zone_ids = var.network.exclude_zone_ids
  roles            = var.roles
  flow_logs        = !var.network.flow_logs.enabled ? null : { retention_days = var.network.flow_logs.retention_days, kms_key_arn = local.log_kms_key_arn }
  tags             = var.tags

  # No other bucket is reached from in there, whoever may read it.
  bucket_arns = [local.registry.bucket_arn]

  # Tasks on ECS are started, fetched and logged through endpoints too.
  endpoints = distinct(concat(
    length(local.services) == 0 ? [] : ["ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "logs"],
    var.network.endpoints,
  ))
}

locals {
  makes_network = try(var.network.existing == null, false)

  network = one(concat(
    [for network in module.network : {
      vpc_id             = network.vpc_id
      subnet_ids         = network.subnet_ids
      security_group_ids = [network.workload_security_group_id]
    }],
    [for network in var.network[*] : network.existing if network.existing != null],
  ))
}
