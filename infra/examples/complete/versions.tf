terraform {
  # Tested with Terraform 1.11.4 and AWS provider 5.100.0. Provider 6 is refused because nothing here was run with it.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100.0, < 6.0.0"
    }
  }
}
