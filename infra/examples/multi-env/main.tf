# One configuration, and one state for each environment. Choose the environment with the backend's file and with the file of variables:
#   terraform init -reconfigure -backend-config=environments/staging.s3.tfbackend
#   terraform apply -var-file=environments/staging.tfvars.json
terraform {
  backend "s3" {}
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = { application = "amaas", environment = var.environment }
  }
}

module "amaas" {
  source = "../.."

  name       = "amaas-${var.environment}"
  publishers = var.publishers
  ledger     = { deletion_protection = var.protected, point_in_time_recovery = var.protected }
  registry   = { force_destroy = !var.protected }
  logs       = { own_key = var.protected }

  models = {
    sentiment = {
      package                 = var.package
      architecture            = var.architecture
      version                 = var.model_version
      memory_mb               = 512
      provisioned_concurrency = var.warm
      stable_version          = var.stable_version
      canary                  = var.canary_weight == null ? null : { weight = var.canary_weight }
    }
  }

  api           = {}
  observability = { emails = var.alarm_emails, cost_tag = { key = "environment", value = var.environment }, budget = { monthly_usd = var.budget_usd } }
}
