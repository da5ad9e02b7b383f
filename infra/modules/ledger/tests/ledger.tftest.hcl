mock_provider "aws" {
  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/amaas-ledger" }
  }
}

variables {
  name = "amaas"
}

run "table_as_functions_use_it" {
  assert {
    condition = alltrue([
      aws_dynamodb_table.this.name == "amaas-ledger",
      aws_dynamodb_table.this.billing_mode == "PAY_PER_REQUEST",
      aws_dynamodb_table.this.hash_key == "pk",
      aws_dynamodb_table.this.range_key == "sk",
      { for attribute in aws_dynamodb_table.this.attribute : attribute.name => attribute.type } == { pk = "S", sk = "S" },
      one(aws_dynamodb_table.this.ttl).attribute_name == "expires",
      one(aws_dynamodb_table.this.ttl).enabled,
    ])
    error_message = "The keys and the time to live must be those that functions use."
  }

  assert {
    condition = alltrue([
      output.table == "amaas-ledger",
      output.table_arn == "arn:aws:dynamodb:eu-central-1:123456789012:table/amaas-ledger",
    ])
    error_message = "The outputs must name the table."
  }
}

run "nothing_is_lost_by_accident" {
  assert {
    condition = alltrue([
      aws_dynamodb_table.this.deletion_protection_enabled,
      one(aws_dynamodb_table.this.point_in_time_recovery).enabled,
      length(aws_dynamodb_table.this.server_side_encryption) == 0,
    ])
    error_message = "Both protections must be on, and the key must be the one that AWS owns."
  }
}

run "settings" {
  variables {
    deletion_protection    = false
    point_in_time_recovery = false
    kms_key_arn            = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition = alltrue([
      !aws_dynamodb_table.this.deletion_protection_enabled,
      !one(aws_dynamodb_table.this.point_in_time_recovery).enabled,
      one(aws_dynamodb_table.this.server_side_encryption).enabled,
      one(aws_dynamodb_table.this.server_side_encryption).kms_key_arn == var.kms_key_arn,
    ])
    error_message = "The table must have the settings that were asked for."
  }
}

run "refuses_the_alias_of_a_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/amaas"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_a_bad_prefix" {
  command = plan

  variables {
    name = "1-amaas"
  }

  expect_failures = [var.name]
}
