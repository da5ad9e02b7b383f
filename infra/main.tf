module "registry" {
  source = "./modules/registry"

  name                     = var.name
  bucket                   = var.registry.bucket
  noncurrent_version_days  = var.registry.noncurrent_version_days
  incomplete_upload_days   = var.registry.incomplete_upload_days
  key_deletion_window_days = var.registry.key_deletion_window_days
  force_destroy            = var.registry.force_destroy
  tags                     = var.tags
}

module "ledger" {
  source = "./modules/ledger"

  name                   = var.name
  deletion_protection    = var.ledger.deletion_protection
  point_in_time_recovery = var.ledger.point_in_time_recovery
  tags                   = var.tags
}

moved {
  from = module.ledger[0]
  to   = module.ledger
}

module "function" {
  source   = "./modules/function"
  for_each = var.models

  name                 = var.name
  model                = each.key
  model_version        = each.value.model_version
  package              = each.value.package
  publishers           = var.publishers
  sealing              = each.value.sealing
  ledger               = module.ledger
  oidc                 = var.oidc
  iam                  = each.value.iam
  least_serial         = each.value.least_serial
  architecture         = each.value.architecture
  memory_mb            = each.value.memory_mb
  timeout_s            = each.value.timeout_s
  ephemeral_storage_mb = each.value.ephemeral_storage_mb
  reserved_concurrency = each.value.reserved_concurrency
  url                  = each.value.url
  tracing              = each.value.tracing
  log_retention_days   = each.value.log_retention_days
  log_kms_key_arn      = var.log_kms_key_arn
  environment          = each.value.environment
  tags                 = merge(var.tags, { "amaas:model" = each.key })

  # Named one by one: `module.registry` as a whole would make each function wait for the bucket's lifecycle rules, a minute.
  registry = {
    store       = module.registry.store
    bucket_arn  = module.registry.bucket_arn
    kms_key_arn = module.registry.kms_key_arn

    sealing_key_arn = module.registry.sealing_key_arn
  }
}

data "aws_region" "current" {}
