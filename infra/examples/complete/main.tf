# If AWS_ENDPOINT_URL is set, it replaces AWS.
provider "aws" {
  region = var.region

  skip_credentials_validation = var.offline
  skip_metadata_api_check     = var.offline
  skip_region_validation      = var.offline
  s3_use_path_style           = var.offline

  default_tags {
    tags = local.tags
  }
}

locals {
  tags = { application = "amaas", environment = "example" }
}

module "amaas" {
  source = "../.."

  publishers = var.publishers
  registry   = var.registry
  ledger     = var.ledger
  oidc       = var.oidc
  logs       = { own_key = true }

  models = {
    sentiment = {
      package      = var.package
      architecture = var.architecture
      version      = "live"
      memory_mb    = 512
      tracing      = "Active"

      # During a canary, callers stay at stable_version, and the version of this apply has a share of the calls. AWS rolls it back if more than 2 % of
      # its calls fail, or the slowest percent take more than half a second.
      stable_version          = var.stable_version
      canary                  = var.canary_weight == null ? null : { weight = var.canary_weight, rollback = { error_rate = 0.02, p99_ms = 500 } }
      provisioned_concurrency = var.warm
      dead_letters            = { retention_days = 14 }
      throttle                = { rate = 100, burst = 200 }
      alarms                  = { p99_ms = 500 }
    }

    # A pinned version of the model, for comparisons or for another tenant. Its program follows the package; its own stable_version would pin that too.
    sentiment-2026 = {
      package              = var.package
      architecture         = var.architecture
      version              = "1"
      least_serial         = 1
      memory_mb            = 1024
      reserved_concurrency = var.reserved_concurrency
      log_retention_days   = 90

      # Beside the API, for callers who sign with AWS credentials.
      url = { mode = "RESPONSE_STREAM", authorization = "AWS_IAM" }
      iam = "tenant"
    }
  }

  api = {
    shared   = { default = "sentiment" }
    throttle = { rate = 50, burst = 100 }
    domain   = var.domain
    cors     = { origins = ["https://app.example.com"] }
  }

  observability = {
    emails       = var.alarm_emails
    cost_tag     = { key = "application", value = "amaas" }
    budget       = var.budget
    cost_anomaly = var.cost_anomaly
  }
}
