mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = {
      id  = "amaas-state-111122223333"
      arn = "arn:aws:s3:::amaas-state-111122223333"
    }
  }
}

variables {
  account_id = "111122223333"
}

run "a_closed_bucket_that_keeps_what_it_had" {
  assert {
    condition = alltrue([
      output.bucket == "amaas-state-111122223333",
      aws_s3_bucket.this.bucket == "amaas-state-${var.account_id}",
      one(aws_s3_bucket_versioning.this.versioning_configuration).status == "Enabled",
      one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms",
    ])
    error_message = "The bucket must be of the account, keep all versions, and be encrypted."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
      jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Effect == "Deny",
      jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false",
      toset(jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Resource) == toset(["arn:aws:s3:::amaas-state-111122223333", "arn:aws:s3:::amaas-state-111122223333/*"]),
    ])
    error_message = "The bucket must refuse public access and requests without TLS."
  }
}

# The backends must name the bucket that is created here.
run "the_bucket_that_staging_names" {
  variables {
    account_id = jsondecode(file("../environments/staging.tfvars.json")).account_id
  }

  assert {
    condition     = strcontains(file("../environments/staging.s3.tfbackend"), "\"${aws_s3_bucket.this.bucket}\"")
    error_message = "environments/staging.s3.tfbackend must name the bucket of the account in staging.tfvars.json."
  }
}

run "the_bucket_that_production_names" {
  variables {
    account_id = jsondecode(file("../environments/production.tfvars.json")).account_id
  }

  assert {
    condition     = strcontains(file("../environments/production.s3.tfbackend"), "\"${aws_s3_bucket.this.bucket}\"")
    error_message = "environments/production.s3.tfbackend must name the bucket of the account in production.tfvars.json."
  }
}
