mock_provider "aws" {
  mock_resource "aws_kms_key" {
    defaults = {
      key_id = "11111111-2222-3333-4444-555555555555"
      arn    = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  alias       = "amaas-registry"
  description = "Encrypts the amaas model registry"

  statements = [
    {
      Sid       = "UseThroughS3"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::123456789012:root" }
      Action    = ["kms:Decrypt"]
      Resource  = "*"
    },
  ]
}

run "rotates_and_has_an_alias" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key must rotate, and KMS must wait 30 days before it deletes the key."
  }

  assert {
    condition     = aws_kms_alias.this.target_key_id == aws_kms_key.this.key_id && output.alias == "alias/amaas-registry" && output.arn == aws_kms_key.this.arn
    error_message = "The alias must name this key."
  }
}

run "the_account_administers_and_reads_nothing" {
  assert {
    condition     = jsondecode(output.policy).Statement[*].Sid == ["AdministerThroughIam", "UseThroughS3"]
    error_message = "The policy must have the statement for administration and those that were given."
  }

  assert {
    condition     = jsondecode(output.policy).Statement[0].Principal == { AWS = "arn:aws:iam::123456789012:root" }
    error_message = "Only the own account may administer the key."
  }

  assert {
    condition     = alltrue([for action in jsondecode(output.policy).Statement[0].Action : !strcontains(action, "*")])
    error_message = "The key policy must name each action."
  }

  assert {
    condition = length(setintersection(jsondecode(output.policy).Statement[0].Action, [
      "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:CreateGrant",
    ])) == 0
    error_message = "Administration must give no access to data."
  }

  assert {
    condition     = contains(jsondecode(output.policy).Statement[0].Action, "kms:PutKeyPolicy")
    error_message = "Without kms:PutKeyPolicy for the account the key could be locked forever."
  }
}

run "refuses_a_prefix_and_a_short_window" {
  command = plan

  variables {
    alias                = "aws/mine"
    deletion_window_days = 5
  }

  expect_failures = [var.alias, var.deletion_window_days]
}
