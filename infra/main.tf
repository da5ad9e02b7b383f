locals {
  models = module.settings.models

  # A model runs on Lambda unless it needs a GPU.
  functions = { for model, settings in local.models : model => settings if settings.gpu == null }
  services  = { for model, settings in local.models : model => settings if settings.gpu != null }

  registry = module.settings.registry.existing != null ? {
    bucket          = module.settings.registry.existing.bucket
    store           = "s3://${module.settings.registry.existing.bucket}"
    bucket_arn      = "arn:${data.aws_partition.current.partition}:s3:::${module.settings.registry.existing.bucket}"
    kms_key_arn     = module.settings.registry.existing.kms_key_arn
    sealing_key_arn = module.settings.registry.existing.sealing_key_arn
    } : {
    bucket          = module.registry[0].bucket
    store           = module.registry[0].store
    bucket_arn      = module.registry[0].bucket_arn
    kms_key_arn     = module.registry[0].kms_key_arn
    sealing_key_arn = module.registry[0].sealing_key_arn
  }

  ledger = module.settings.ledger.existing != null ? {
    table       = module.settings.ledger.existing.table
    table_arn   = "arn:${data.aws_partition.current.partition}:dynamodb:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:table/${module.settings.ledger.existing.table}"
    kms_key_arn = module.settings.ledger.existing.kms_key_arn
    } : {
    table       = module.ledger[0].table
    table_arn   = module.ledger[0].table_arn
    kms_key_arn = module.ledger[0].kms_key_arn
  }

  log_kms_key_arn = module.settings.logs.own_key ? one(module.registry[*].log_key_arn) : module.settings.logs.kms_key_arn
}

module "settings" {
  source = "./modules/settings"

  name          = var.name
  region        = data.aws_region.current.id
  models        = var.models
  registry      = var.registry
  ledger        = var.ledger
  roles         = var.roles
  oidc          = var.oidc
  logs          = var.logs
  network       = var.network
  api           = var.api
  observability = var.observability

  given = {
    models        = var.models
    registry      = var.registry
    ledger        = var.ledger
    roles         = var.roles
    oidc          = var.oidc
    logs          = var.logs
    network       = var.network
    api           = var.api
    observability = var.observability
  }
}

module "registry" {
  source = "./modules/registry"
  count  = module.settings.registry.existing == null ? 1 : 0

  name                     = var.name
  bucket                   = module.settings.registry.bucket
  kms_key_arn              = module.settings.registry.kms_key_arn
  sealing_key_arn          = module.settings.registry.sealing_key_arn
  readers                  = module.settings.registry.readers
  noncurrent_version_days  = module.settings.registry.noncurrent_version_days
  incomplete_upload_days   = module.settings.registry.incomplete_upload_days
  key_deletion_window_days = module.settings.registry.key_deletion_window_days
  force_destroy            = module.settings.registry.force_destroy
  log_key                  = module.settings.logs.own_key
  tags                     = var.tags
}

module "ledger" {
  source = "./modules/ledger"
  count  = module.settings.ledger.existing == null ? 1 : 0

  name                   = var.name
  deletion_protection    = module.settings.ledger.deletion_protection
  point_in_time_recovery = module.settings.ledger.point_in_time_recovery
  kms_key_arn            = module.settings.ledger.kms_key_arn
  tags                   = var.tags

  # Only the registry's sealing key decrypts the table's secrets. So a destroy deletes the table first. If its deletion protection refuses, the keys, the
  # bucket and its settings stay as they are.
  depends_on = [module.registry]
}

module "policies" {
  source = "./modules/policies"

  name     = var.name
  registry = merge(local.registry, { force_destroy = module.settings.registry.force_destroy })
  ledger   = local.ledger
  roles    = module.settings.roles
  parts = {
    registry = module.settings.registry.existing == null
    ledger   = module.settings.ledger.existing == null
    network  = local.makes_network
    gpu      = length(local.services) > 0
    edge     = length(var.edges) > 0
    vpc      = module.settings.network != null

    hosted_zone_ids = [for domain in try(module.settings.api.domain, null)[*] : domain.zone_id if domain.zone_id != null]
    repository_arns = distinct([
      for image in values(local.functions)[*].image :
      "arn:${data.aws_partition.current.partition}:ecr:${split(".", image)[3]}:${split(".", image)[0]}:repository/${split("@", join("/", slice(split("/", image), 1, length(split("/", image)))))[0]}"
      if can(regex("^[0-9]{12}[.]dkr[.]ecr[.][a-z0-9-]+[.][^/]+/.+@", image))
    ])
  }
}

module "model" {
  source   = "./modules/model"
  for_each = local.models

  name               = each.key
  model_version      = each.value.version
  publishers         = var.publishers
  sealing            = each.value.sealing
  replay             = each.value.replay
  least_serial       = each.value.least_serial
  registry           = local.registry
  ledger             = local.ledger
  oidc               = module.settings.oidc
  cors_origins       = each.value.cors_origins
  environment        = each.value.environment
  log_retention_days = each.value.log_retention_days
  log_kms_key_arn    = local.log_kms_key_arn
  roles              = module.settings.roles
  tags               = merge(var.tags, { "amaas:model" = each.key })
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name  = var.name
  model = module.model[each.key]

  package              = each.value.package
  image                = each.value.image
  architecture         = each.value.architecture
  memory_mb            = each.value.memory_mb
  timeout_s            = each.value.timeout_s
  ephemeral_storage_mb = each.value.ephemeral_storage_mb
  vpc                  = try(module.settings.network.functions, false) ? { subnet_ids = local.network.subnet_ids, security_group_ids = local.network.security_group_ids } : null
  tracing              = each.value.tracing

  reserved_concurrency    = each.value.reserved_concurrency
  provisioned_concurrency = each.value.provisioned_concurrency
  snap_start              = each.value.snap_start
  stable_version          = each.value.stable_version
  canary                  = each.value.canary
  alarm_topic_arns        = local.alarm_topic_arns
  dead_letters            = each.value.dead_letters

  # Behind an API no Function URL is needed.
  url = {
    mode          = coalesce(each.value.url.mode, module.settings.api == null ? "BUFFERED" : "OFF")
    authorization = each.value.url.authorization
  }

  iam = each.value.iam
}

module "api" {
  source = "./modules/api"
  count  = module.settings.api == null ? 0 : 1

  name          = var.name
  authorization = module.settings.api.authorization
  jwt           = module.settings.api.jwt
  shared        = module.settings.api.shared
  throttle      = module.settings.api.throttle
  throttles     = { for model, settings in local.models : model => settings.throttle if settings.throttle != null && local.behind_api[model] }
  timeout_ms    = module.settings.api.timeout_ms
  domain        = module.settings.api.domain
  cors          = module.settings.api.cors

  # An HTTP API does not stream, so a streaming function keeps its own URL.
  functions = {
    for model, function in module.function : model => {
      function_name = function.function_name
      alias         = function.alias
      alias_arn     = function.alias_arn
      invoke_arn    = function.alias_invoke_arn
    } if local.behind_api[model]
  }

  services = {
    for model, service in module.gpu : model => {
      listener_arn = service.listener_arn
      server_name  = local.services[model].gpu.server_name
    }
  }

  vpc_link = length(local.services) == 0 ? null : {
    subnet_ids         = local.network.subnet_ids
    security_group_ids = aws_security_group.api[*].id
  }

  log_retention_days = module.settings.api.log_retention_days
  log_kms_key_arn    = local.log_kms_key_arn
  tags               = var.tags
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}
