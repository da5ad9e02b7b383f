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

  # A VPC without a way out: no internet gateway, no NAT. What runs in it reaches the bucket, the table and the keys of this account
  # through endpoints, and nothing else, whatever the network or its runtime might try.
  network = { cidr = "10.64.0.0/20", zones = 2 }

  # Callers sign with AWS credentials before they reach anything; the key inside the sealed call comes on top.
  api = { authorization = "AWS_IAM" }
}
