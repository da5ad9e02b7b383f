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

# CloudFront and its web ACL are created in us-east-1, in whatever region the model is.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  skip_credentials_validation = var.offline
  skip_metadata_api_check     = var.offline
  skip_region_validation      = var.offline

  default_tags {
    tags = { application = "amaas" }
  }
}

module "amaas" {
  source = "../.."

  publishers = var.publishers
  registry   = var.registry
  ledger     = var.ledger
  edges      = { sentiment = module.edge }

  models = {
    sentiment = {
      package = var.package
      url     = { authorization = "AWS_IAM" } # the URL accepts requests that CloudFront signed
    }
  }
}

module "edge" {
  source    = "../../modules/edge"
  providers = { aws = aws.us_east_1 }

  name       = "amaas"
  rate_limit = 1000

  origin = {
    domain_name    = trimsuffix(trimprefix(module.amaas.endpoints["sentiment"], "https://"), "/")
    access_control = true
  }
}
