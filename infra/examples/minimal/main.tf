# If AWS_ENDPOINT_URL is set, it replaces AWS.
provider "aws" {
  region = var.region

  skip_credentials_validation = var.offline
  skip_metadata_api_check     = var.offline
  skip_region_validation      = var.offline
  s3_use_path_style           = var.offline

  default_tags {
    tags = { application = "amaas" }
  }
}

module "amaas" {
  source = "../.."

  publishers = var.publishers
  registry   = var.registry
  ledger     = var.ledger
  oidc       = var.oidc

  models = {
    sentiment = {
      package              = var.package
      architecture         = var.architecture
      memory_mb            = 512
      reserved_concurrency = var.reserved_concurrency
      url                  = var.url
      iam                  = var.iam
    }
  }
}
