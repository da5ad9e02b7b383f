mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = {
      id  = "amaas-123456789012-eu-central-1"
      arn = "arn:aws:s3:::amaas-123456789012-eu-central-1"
    }
  }

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
    defaults = {
      partition  = "aws"
      dns_suffix = "amazonaws.com"
    }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  name = "amaas"
}

run "bucket_is_closed" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All four settings of the public access block must be on."
  }

  assert {
    condition     = one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs must be switched off."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[*].Effect == ["Deny", "Deny", "Deny"]
    error_message = "The bucket policy must only deny."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0] == {
      Sid       = "DenyPlainHttp"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::amaas-123456789012-eu-central-1", "arn:aws:s3:::amaas-123456789012-eu-central-1/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
    error_message = "Every request without TLS must be refused, for the bucket and its objects."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[1].Condition == { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
    error_message = "TLS below 1.2 must be refused."
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy == false
    error_message = "A destroy must not delete published models unless asked to."
  }

  assert {
    condition     = output.bucket == "amaas-123456789012-eu-central-1" && output.store == "s3://amaas-123456789012-eu-central-1"
    error_message = "The bucket's name must come from name, account and region, and store from the bucket."
  }
}

run "a_destroy_is_refused_before_anything_is_lost" {
  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement[2] == {
      Sid       = "DenyDestroy"
      Effect    = "Deny"
      Principal = "*"
      Action    = ["s3:DeleteBucket", "s3:DeleteBucketPolicy"]
      Resource  = ["arn:aws:s3:::amaas-123456789012-eu-central-1"]
    }
    error_message = "The bucket policy must refuse to go, and not refuse to be changed."
  }
}

run "a_destroy_is_allowed_where_it_was_asked_for" {
  variables {
    force_destroy = true
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy && jsondecode(aws_s3_bucket_policy.this.policy).Statement[*].Sid == ["DenyPlainHttp", "DenyOldTls"]
    error_message = "With force_destroy nothing must refuse a destroy."
  }
}

run "keys_may_be_yours" {
  variables {
    kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/aaaaaaaa-2222-3333-4444-555555555555"
    sealing_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/bbbbbbbb-2222-3333-4444-555555555555"
  }

  assert {
    condition     = length(module.key) + length(module.sealing_key) == 0
    error_message = "No key must be made beside a key of the caller's."
  }

  assert {
    condition = alltrue([
      one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn,
      output.kms_key_arn == var.kms_key_arn,
      output.sealing_key_arn == var.sealing_key_arn,
      output.kms_alias == null,
    ])
    error_message = "The caller's keys must be the ones that are used."
  }
}

run "refuses_an_alias_for_a_key" {
  command = plan

  variables {
    kms_key_arn = "alias/mine"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_an_alias_for_the_sealing_key" {
  command = plan

  variables {
    sealing_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/mine"
  }

  expect_failures = [var.sealing_key_arn]
}

run "refuses_one_key_for_both" {
  command = plan

  variables {
    kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/aaaaaaaa-2222-3333-4444-555555555555"
    sealing_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/aaaaaaaa-2222-3333-4444-555555555555"
  }

  expect_failures = [var.sealing_key_arn]
}

run "bucket_is_encrypted" {
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "Objects must be encrypted with SSE-KMS."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == module.key[0].arn
    error_message = "Objects must be encrypted with the registry's own key."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled
    error_message = "The bucket key must be on."
  }

  assert {
    condition     = output.kms_alias == "alias/amaas-registry" && output.kms_key_arn == module.key[0].arn
    error_message = "The alias must name the registry's key."
  }
}

run "key_works_through_s3_only" {
  assert {
    condition     = length(jsondecode(module.key[0].policy).Statement) == 2
    error_message = "The key policy must have its two statements and no other."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(module.key[0].policy).Statement :
      flatten([statement.Principal.AWS]) == ["arn:aws:iam::123456789012:root"]
    ])
    error_message = "Only the own account may be a principal of the key."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(module.key[0].policy).Statement : [for action in statement.Action : !strcontains(action, "*")]
    ]))
    error_message = "The key policy must name each action."
  }

  assert {
    condition = length(setintersection(jsondecode(module.key[0].policy).Statement[0].Action, [
      "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:CreateGrant",
    ])) == 0
    error_message = "Administration must give no access to data."
  }

  assert {
    condition     = contains(jsondecode(module.key[0].policy).Statement[0].Action, "kms:PutKeyPolicy")
    error_message = "Without kms:PutKeyPolicy for the account the key could be locked for ever."
  }

  assert {
    condition = alltrue([
      jsondecode(module.key[0].policy).Statement[1].Action == ["kms:Decrypt", "kms:GenerateDataKey"],
      jsondecode(module.key[0].policy).Statement[1].Condition == { StringEquals = { "kms:ViaService" = "s3.eu-central-1.amazonaws.com" } },
    ])
    error_message = "Data must be encrypted and decrypted through S3 in this region only."
  }
}

run "sealing_key_wraps_for_a_model_only" {
  assert {
    condition = alltrue([
      length(jsondecode(module.sealing_key[0].policy).Statement) == 2,
      jsondecode(module.sealing_key[0].policy).Statement[0] == jsondecode(module.key[0].policy).Statement[0],
      jsondecode(module.sealing_key[0].policy).Statement[1].Action == ["kms:Decrypt", "kms:Encrypt"],
      jsondecode(module.sealing_key[0].policy).Statement[1].Principal == { AWS = ["arn:aws:iam::123456789012:root"] },
      jsondecode(module.sealing_key[0].policy).Statement[1].Condition == { Null = { "kms:EncryptionContext:model" = "false" } },
    ])
    error_message = "The sealing key must wrap and unwrap for a model that is named, and do nothing else."
  }

  assert {
    condition     = output.sealing_key_arn == module.sealing_key[0].arn && module.sealing_key[0].alias == "alias/amaas-sealing"
    error_message = "The sealing key must have its alias."
  }
}

run "readers_of_other_accounts" {
  variables {
    readers = ["arn:aws:iam::210987654321:role/amaas-sentiment"]
  }

  assert {
    condition = alltrue([
      jsondecode(aws_s3_bucket_policy.this.policy).Statement[*].Effect == ["Allow", "Allow", "Deny", "Deny", "Deny"],
      jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Action == ["s3:GetObject"],
      jsondecode(aws_s3_bucket_policy.this.policy).Statement[1].Action == ["s3:ListBucket"],
      alltrue([for statement in slice(jsondecode(aws_s3_bucket_policy.this.policy).Statement, 0, 2) : statement.Principal == { AWS = ["arn:aws:iam::210987654321:role/amaas-sentiment"] }]),
    ])
    error_message = "Only the given readers may read."
  }

  assert {
    condition = alltrue([
      for policy in [module.key[0].policy, module.sealing_key[0].policy] : alltrue([
        jsondecode(policy).Statement[0].Principal == { AWS = "arn:aws:iam::123456789012:root" },
        jsondecode(policy).Statement[1].Principal == { AWS = ["arn:aws:iam::123456789012:root", "arn:aws:iam::210987654321:role/amaas-sentiment"] },
      ])
    ])
    error_message = "Readers must be able to decrypt, and not to administer the keys."
  }
}

run "refuses_a_public_bucket" {
  command = plan

  variables {
    readers = ["*"]
  }

  expect_failures = [var.readers]
}

run "logs_may_have_a_key" {
  variables {
    log_key = true
  }

  assert {
    condition = alltrue([
      output.log_key_arn == module.log_key[0].arn,
      module.log_key[0].alias == "alias/amaas-logs",
      jsondecode(module.log_key[0].policy).Statement[1].Principal == { Service = "logs.eu-central-1.amazonaws.com" },
      jsondecode(module.log_key[0].policy).Statement[1].Condition == {
        ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:eu-central-1:123456789012:log-group:*" }
      },
    ])
    error_message = "CloudWatch Logs must be able to use the key, for log groups of this account alone."
  }
}

run "logs_have_no_key_unless_asked" {
  assert {
    condition     = length(module.log_key) == 0 && output.log_key_arn == null
    error_message = "A key costs money, so it must be asked for."
  }
}

run "old_data_expires" {
  variables {
    noncurrent_version_days = 14
    incomplete_upload_days  = 2
  }

  assert {
    condition     = one(aws_s3_bucket_versioning.this.versioning_configuration).status == "Enabled"
    error_message = "Versioning must be on."
  }

  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.this.rule[0].abort_incomplete_multipart_upload).days_after_initiation == 2
    error_message = "Unfinished uploads must be removed."
  }

  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.this.rule[1].noncurrent_version_expiration).noncurrent_days == 14
    error_message = "Noncurrent versions must expire."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.status == "Enabled" && alltrue([for expiry in rule.expiration : expiry.days == null || expiry.days == 0])])
    error_message = "Every rule must be enabled, and none may expire a current version, which may be in use."
  }
}

run "bucket_may_be_named" {
  variables {
    bucket = "models-of-mine"
  }

  assert {
    condition     = aws_s3_bucket.this.bucket == "models-of-mine"
    error_message = "A given name must be used."
  }
}

run "refuses_bad_names" {
  command = plan

  variables {
    name   = "My_Models"
    bucket = "with.dots"
  }

  expect_failures = [var.name, var.bucket]
}

run "refuses_bad_days" {
  command = plan

  variables {
    noncurrent_version_days  = 0
    incomplete_upload_days   = 1.5
    key_deletion_window_days = 5
  }

  expect_failures = [var.noncurrent_version_days, var.incomplete_upload_days, var.key_deletion_window_days]
}

run "refuses_a_key_of_another_region" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_a_sealing_key_of_another_region" {
  command = plan

  variables {
    sealing_key_arn = "arn:aws:kms:us-east-1:123456789012:key/55555555-2222-3333-4444-555555555555"
  }

  expect_failures = [var.sealing_key_arn]
}
