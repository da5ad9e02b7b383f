terraform {
  # Run with Terraform 1.11.4 and AWS provider 5.100.0. tests/schema.py holds every argument and attribute against provider 6 too.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}
