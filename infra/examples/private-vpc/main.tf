provider "aws" {
  region = var.region

  default_tags {
    tags = { application = "amaas" }
  }
}

module "amaas" {
  source = "../.."

  publishers = var.publishers
  logs       = { own_key = true }

  models = {
    sentiment = { package = var.package, architecture = var.architecture, memory_mb = 512 }
  }

  # A VPC without internet access: no internet gateway, no NAT. Functions reach the bucket, the table and the keys of this account through endpoints, and
  # nothing else.
  network = { cidr = "10.64.0.0/20", zones = 2 }

  # Callers sign with AWS credentials, and send an API key inside the sealed call.
  api = { authorization = "AWS_IAM" }
}
