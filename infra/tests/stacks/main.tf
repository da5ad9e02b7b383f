# Two stacks and their VPC in one apply. In a plan the ids of keys, subnets and a boundary are unknown.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.0.0.0/24"
}

resource "aws_security_group" "this" {
  description = "Functions"
  vpc_id      = aws_vpc.this.id
}

resource "aws_iam_policy" "boundary" {
  name   = "boundary"
  policy = jsonencode({ Version = "2012-10-17", Statement = [] })
}

module "registry" {
  source = "../.."

  name       = "models"
  publishers = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
  models     = {}
  logs       = { own_key = true }
  roles      = { permissions_boundary = aws_iam_policy.boundary.arn }
}

module "team" {
  source = "../.."

  name       = "team-a"
  publishers = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
  registry   = { existing = module.registry.registry }
  ledger     = { existing = module.registry.ledger }
  logs       = { kms_key_arn = module.registry.log_key_arn }
  network    = { existing = { vpc_id = aws_vpc.this.id, subnet_ids = aws_subnet.this[*].id, security_group_ids = aws_security_group.this[*].id } }

  models = {
    sentiment = {
      package     = "${path.module}/../../modules/function/tests/package.zip"
      environment = { AMAAS_LOG = aws_vpc.this.id }
    }
  }
}
