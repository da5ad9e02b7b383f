terraform {
  # Tested with Terraform 1.11.4 and AWS provider 5.100.0. tests/schema.py compares every argument and attribute with provider 6.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}
