mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  name = "sentiment"

  registry = {
    store       = "s3://models"
    bucket_arn  = "arn:aws:s3:::models"
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"

    sealing_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/55555555-2222-3333-4444-555555555555"
  }

  ledger = { table = "amaas-ledger", table_arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/amaas-ledger" }

  # RFC 8032, section 7.1, test 1.
  publishers = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
}

run "environment" {
  variables {
    model_version = "3"
    least_serial  = 1700000000
    environment   = { AMAAS_LOG = "debug" }
  }

  assert {
    condition = output.environment == {
      AMAAS_STORE           = "s3://models"
      AMAAS_MODEL           = "sentiment"
      AMAAS_MODEL_VERSION   = "3"
      AMAAS_KMS_KEY         = "arn:aws:kms:eu-central-1:123456789012:key/55555555-2222-3333-4444-555555555555"
      AMAAS_PUBLISHERS      = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
      AMAAS_SEALING         = "required"
      AMAAS_REPLAY          = "refuse"
      AMAAS_LEDGER          = "dynamodb:amaas-ledger"
      AMAAS_LEAST_SERIAL    = "1700000000"
      ORT_DISABLE_TELEMETRY = "1"
      AMAAS_LOG             = "debug"
    }
    error_message = "The environment must be exactly this."
  }
}

run "statements_of_least_privilege" {
  assert {
    condition = output.statements == [
      {
        Sid    = "ReadModel"
        Effect = "Allow"
        Action = ["s3:GetObject"]
        Resource = [
          "arn:aws:s3:::models/models/sentiment/*",
          "arn:aws:s3:::models/blobs/sha256/*",
          "arn:aws:s3:::models/sealing/sentiment.json",
        ]
      },
      {
        Sid      = "ListRegistry"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = ["arn:aws:s3:::models"]
      },
      {
        Sid       = "DecryptModel"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = ["arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"]
        Condition = { StringEquals = { "kms:ViaService" = "s3.eu-central-1.amazonaws.com" } }
      },
      {
        Sid       = "UnwrapKeysOfThisModel"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = ["arn:aws:kms:eu-central-1:123456789012:key/55555555-2222-3333-4444-555555555555"]
        Condition = { StringEquals = { "kms:EncryptionContext:model" = "sentiment" } }
      },
      {
        Sid       = "UnwrapLedgerSecrets"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = ["arn:aws:kms:eu-central-1:123456789012:key/55555555-2222-3333-4444-555555555555"]
        Condition = { StringEquals = { "kms:EncryptionContext:model" = "(ledger)", "kms:EncryptionContext:key" = ["secret", "verifier"] } }
      },
      {
        Sid       = "ReadAccounts"
        Effect    = "Allow"
        Action    = ["dynamodb:GetItem"]
        Resource  = ["arn:aws:dynamodb:eu-central-1:123456789012:table/amaas-ledger"]
        Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["key/*", "ledger", "prices", "tenants"] } }
      },
      {
        Sid       = "UpdateQuotaCounters"
        Effect    = "Allow"
        Action    = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
        Resource  = ["arn:aws:dynamodb:eu-central-1:123456789012:table/amaas-ledger"]
        Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["quota/*"] } }
      },
      {
        Sid       = "WriteIdempotencyRecords"
        Effect    = "Allow"
        Action    = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        Resource  = ["arn:aws:dynamodb:eu-central-1:123456789012:table/amaas-ledger"]
        Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["call/*"] } }
      },
      {
        Sid       = "WriteRecordsOfThisModel"
        Effect    = "Allow"
        Action    = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        Resource  = ["arn:aws:dynamodb:eu-central-1:123456789012:table/amaas-ledger"]
        Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["alias/sentiment", "sealing/sentiment", "seen/sentiment/*"] } }
      },
      {
        Sid       = "WriteUsage"
        Effect    = "Allow"
        Action    = ["dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
        Resource  = ["arn:aws:dynamodb:eu-central-1:123456789012:table/amaas-ledger"]
        Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["usage-sum/*", "usage/*"] } }
      },
    ]
    error_message = "The statements must be exactly these."
  }

  assert {
    condition = alltrue([
      for statement in output.statements :
      alltrue([for action in statement.Action : !strcontains(action, "*")]) && !contains(statement.Resource, "*")
    ])
    error_message = "No wildcard action, and no resource that is everything."
  }

  # Attacks with a stolen role: create a key, raise a limit, lower a price, replace the verification key.
  assert {
    condition = alltrue([
      for statement in output.statements : alltrue([
        for partition in try(statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"], ["*"]) :
        !can(regex("^([*?]|k|key|ten|pri|led)", partition)) || alltrue([for action in statement.Action : action == "dynamodb:GetItem"])
      ]) if anytrue([for action in statement.Action : startswith(action, "dynamodb:")])
    ])
    error_message = "Accounts must be read only."
  }

  assert {
    condition = alltrue([
      for statement in output.statements :
      !contains(statement.Action, "kms:Encrypt") && !contains(flatten([try(statement.Condition.StringEquals["kms:EncryptionContext:key"], [])]), "authority")
    ])
    error_message = "What signs accounts must stay closed."
  }
}

run "ledger_without_sealing_too" {
  variables {
    sealing = "off"
  }

  assert {
    condition     = output.environment["AMAAS_LEDGER"] == "dynamodb:amaas-ledger"
    error_message = "Keys and usage are in the ledger, however calls come."
  }
}

run "tokens_of_an_issuer" {
  variables {
    oidc = { issuer = "https://login.example.com/realms/a", audience = "amaas", tenant_claim = "/realm/tenant" }
  }

  assert {
    condition = { for name, value in output.environment : name => value if strcontains(name, "OIDC") } == {
      AMAAS_OIDC_ISSUER       = "https://login.example.com/realms/a"
      AMAAS_OIDC_AUDIENCE     = "amaas"
      AMAAS_OIDC_TENANT_CLAIM = "/realm/tenant"
    }
    error_message = "What was given must be in the environment, and nothing else."
  }
}

run "tokens_of_an_issuer_in_full" {
  variables {
    oidc = {
      issuer       = "https://login.example.com"
      audience     = "amaas"
      tenant_claim = "https://example.com/tenant"
      algorithms   = ["RS256", "EdDSA"]
      jwks         = "https://login.example.com/keys?v=1"
    }
  }

  assert {
    condition = { for name, value in output.environment : name => value if strcontains(name, "OIDC") } == {
      AMAAS_OIDC_ISSUER       = "https://login.example.com"
      AMAAS_OIDC_AUDIENCE     = "amaas"
      AMAAS_OIDC_TENANT_CLAIM = "https://example.com/tenant"
      AMAAS_OIDC_ALGORITHMS   = "RS256,EdDSA"
      AMAAS_OIDC_JWKS         = "https://login.example.com/keys?v=1"
    }
    error_message = "All that was given must be in the environment."
  }
}

run "ledger_with_a_key_of_its_own" {
  variables {
    ledger = {
      table       = "amaas-ledger"
      table_arn   = "arn:aws:dynamodb:eu-central-1:123456789012:table/amaas-ledger"
      kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/99999999-2222-3333-4444-555555555555"
    }
  }

  assert {
    condition = one([for statement in output.statements : statement if statement.Sid == "DecryptTable"]) == {
      Sid       = "DecryptTable"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = ["arn:aws:kms:eu-central-1:123456789012:key/99999999-2222-3333-4444-555555555555"]
      Condition = { StringEquals = { "kms:ViaService" = "dynamodb.eu-central-1.amazonaws.com" } }
    }
    error_message = "A program that uses the table must be able to use its key, through DynamoDB."
  }
}

run "pages_of_others_are_origins" {
  command = plan

  variables {
    cors_origins = ["https://a.example.com/app"]
  }

  expect_failures = [var.cors_origins]
}

run "pages_of_all_alone" {
  command = plan

  variables {
    cors_origins = ["*", "https://a.example.com"]
  }

  expect_failures = [var.cors_origins]
}

run "refuses_a_model_that_widens_the_policy" {
  command = plan

  variables {
    name = "senti*"
  }

  expect_failures = [var.name]
}

run "refuses_publishers_that_are_none" {
  command = plan

  variables {
    publishers = ["ed25519:abc"]
    sealing    = "yes"
  }

  expect_failures = [var.publishers, var.sealing]
}

run "refuses_no_publisher" {
  command = plan

  variables {
    publishers = []
  }

  expect_failures = [var.publishers]
}

run "refuses_an_issuer_in_the_clear" {
  command = plan

  variables {
    oidc = { issuer = "http://login.example.com", audience = "amaas", tenant_claim = "org" }
  }

  expect_failures = [var.oidc]
}

run "refuses_tokens_for_anybody" {
  command = plan

  variables {
    oidc = { issuer = "https://login.example.com", audience = "", tenant_claim = "org" }
  }

  expect_failures = [var.oidc]
}

run "refuses_a_claim_that_is_no_pointer" {
  command = plan

  variables {
    oidc = { issuer = "https://login.example.com", audience = "amaas", tenant_claim = "/a~2" }
  }

  expect_failures = [var.oidc]
}

run "refuses_algorithms_with_a_shared_secret" {
  command = plan

  variables {
    oidc = { issuer = "https://login.example.com", audience = "amaas", tenant_claim = "org", algorithms = ["RS256", "HS256"] }
  }

  expect_failures = [var.oidc]
}

run "refuses_keys_in_the_clear" {
  command = plan

  variables {
    oidc = { issuer = "https://login.example.com", audience = "amaas", tenant_claim = "org", jwks = "http://login.example.com/keys" }
  }

  expect_failures = [var.oidc]
}

run "refuses_another_path_and_no_days" {
  command = plan

  variables {
    model_version      = "../other"
    replay             = "maybe"
    least_serial       = -1
    log_retention_days = 0
    log_kms_key_arn    = "alias/logs"
    roles              = { path = "amaas" }
  }

  expect_failures = [var.model_version, var.replay, var.least_serial, var.log_retention_days, var.log_kms_key_arn, var.roles]
}

run "refuses_a_key_of_another_region" {
  command = plan

  variables {
    log_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/99999999-2222-3333-4444-555555555555"
  }

  expect_failures = [var.log_kms_key_arn]
}

run "refuses_a_boundary_that_is_no_policy" {
  command = plan

  variables {
    roles = { permissions_boundary = "boundary" }
  }

  expect_failures = [var.roles]
}

run "refuses_names_of_the_module" {
  command = plan

  variables {
    environment = { ORT_DISABLE_TELEMETRY = "0" }
  }

  expect_failures = [var.environment]
}

run "refuses_names_that_no_variable_has" {
  command = plan

  variables {
    environment = { "9" = "x" }
  }

  expect_failures = [var.environment]
}

run "passes_on_what_the_hosts_need" {
  variables {
    cors_origins       = ["https://app.example.com"]
    log_retention_days = 7
    log_kms_key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/99999999-2222-3333-4444-555555555555"
    roles              = { permissions_boundary = "arn:aws:iam::123456789012:policy/boundary" }
    tags               = { team = "search" }
  }

  assert {
    condition = alltrue([
      output.name == "sentiment",
      output.sealing == "required",
      output.cors_origins == tolist(["https://app.example.com"]),
      output.log_retention_days == 7,
      output.log_kms_key_arn == var.log_kms_key_arn,
      output.roles == { path = "/", permissions_boundary = "arn:aws:iam::123456789012:policy/boundary" },
      output.tags == tomap({ team = "search" }),
    ])
    error_message = "A host must get the settings as they were given, with their defaults."
  }
}
