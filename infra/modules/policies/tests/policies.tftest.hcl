mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "a-name-of-23-characters"

  registry = {
    bucket_arn      = "arn:aws:s3:::a-name-of-23-characters-123456789012-eu-central-1"
    kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/aaaaaaaa-2222-3333-4444-555555555555"
    sealing_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/bbbbbbbb-2222-3333-4444-555555555555"
    force_destroy   = true
  }

  ledger = {
    table_arn   = "arn:aws:dynamodb:eu-central-1:123456789012:table/a-name-of-23-characters-ledger"
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/cccccccc-2222-3333-4444-555555555555"
  }

  roles = { path = "/amaas/", permissions_boundary = "arn:aws:iam::123456789012:policy/boundary" }
}

run "fit_into_managed_policies" {
  assert {
    condition     = alltrue([for policy in concat([output.publisher, output.administrator], values(output.operator)) : length(policy) <= 6144])
    error_message = "A managed policy has 6144 characters at most: ${jsonencode({ for name, policy in output.operator : name => length(policy) })}"
  }

  assert {
    condition     = length(output.operator) <= 10
    error_message = "A role has ten managed policies, unless the account's quota was raised."
  }

  assert {
    condition = alltrue(flatten([for policy in concat([output.publisher, output.administrator], values(output.operator)) : [
      for statement in jsondecode(policy).Statement : [for action in statement.Action : can(regex("^[a-z0-9-]+:[A-Za-z0-9]+$", action))]
    ]]))
    error_message = "Each action must be named."
  }

  assert {
    condition = alltrue([for policy in concat([output.publisher, output.administrator], values(output.operator)) :
      length(distinct(jsondecode(policy).Statement[*].Sid)) == length(jsondecode(policy).Statement)
    ])
    error_message = "A statement's id must be its own within a policy."
  }
}

run "publishers_delete_their_marks_alone_and_see_no_ledger" {
  assert {
    condition = alltrue([
      toset(flatten(jsondecode(output.publisher).Statement[*].Action)) == toset(["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]),
      flatten([for statement in jsondecode(output.publisher).Statement : statement.Resource if contains(statement.Action, "s3:DeleteObject")]) == ["${var.registry.bucket_arn}/uploads/*"],
      jsondecode(output.publisher).Statement[0].Resource == [for key in ["models/*", "blobs/sha256/*", "sealing/*"] : "${var.registry.bucket_arn}/${key}"],
    ])
    error_message = "Publishers must read and write the three prefixes, mark uploads, and nothing else."
  }

  assert {
    condition = one([for statement in jsondecode(output.publisher).Statement : jsonencode(statement.Condition) if statement.Sid == "WrapForModels"]) == jsonencode({
      Null            = { "kms:EncryptionContext:model" = "false" }
      StringNotEquals = { "kms:EncryptionContext:model" = "(ledger)" }
    })
    error_message = "The ledger's secrets must stay closed to publishers."
  }
}

run "administrators_remove_and_keep_accounts" {
  assert {
    condition = alltrue([
      contains(jsondecode(output.administrator).Statement[0].Action, "s3:DeleteObject"),
      !contains(flatten(jsondecode(output.administrator).Statement[*].Action), "s3:PutObject"),
      one([for statement in jsondecode(output.administrator).Statement : statement.Condition.StringEquals["kms:EncryptionContext:model"] if statement.Sid == "WrapLedgerSecrets"]) == "(ledger)",
      one([for statement in jsondecode(output.administrator).Statement : statement.Resource if statement.Sid == "DecryptTable"]) == [var.ledger.kms_key_arn],
    ])
    error_message = "Administrators must remove models and open the ledger, and publish nothing."
  }

  assert {
    condition = !anytrue(flatten([for statement in jsondecode(output.administrator).Statement : [
      for partition in try(statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"], []) : startswith(partition, "call") || partition == "*"
    ]]))
    error_message = "Kept answers are no administrator's to read."
  }
}

run "operators_stay_within_the_boundary" {
  assert {
    condition = alltrue([
      one([for statement in jsondecode(output.operator["roles"]).Statement : statement.Condition.StringEquals["iam:PermissionsBoundary"] if statement.Sid == "CreateRoles"]) == var.roles.permissions_boundary,
      !contains(flatten(jsondecode(output.operator["roles"]).Statement[*].Action), "iam:DeleteRolePermissionsBoundary"),
      alltrue([for statement in jsondecode(output.operator["roles"]).Statement : statement.Resource == ["arn:aws:iam::123456789012:role/amaas/a-name-of-23-characters-*"] if contains(["CreateRoles", "PassRoles"], statement.Sid)]),
    ])
    error_message = "An operator must make roles below the path, with the boundary, and hand on no others."
  }

  assert {
    condition     = length([for action in flatten([for policy in values(output.operator) : jsondecode(policy).Statement[*].Action]) : action if contains(["s3:GetObject", "s3:PutObject", "dynamodb:GetItem", "dynamodb:PutItem", "lambda:InvokeFunction"], action)]) == 0
    error_message = "Who runs Terraform must not read models or accounts, nor call functions."
  }
}

run "operators_of_an_edge" {
  assert {
    condition = alltrue([
      length(setsubtract(["cloudfront:CreateOriginAccessControl", "cloudfront:PublishFunction", "wafv2:PutLoggingConfiguration"], flatten(jsondecode(output.operator["edge"]).Statement[*].Action))) == 0,
      alltrue([for statement in jsondecode(output.operator["edge"]).Statement : jsonencode(statement.Resource) != jsonencode(["*"]) || try(statement.Condition.StringEquals["aws:RequestedRegion"], "") == "us-east-1"]),
    ])
    error_message = "Rights to an edge must be for the account and us-east-1, in whatever region the stack is."
  }
}

run "operators_leave_alone_what_another_stack_made" {
  variables {
    parts = { registry = false, ledger = false }
  }

  assert {
    condition     = jsondecode(output.operator["data"]).Statement[*].Sid == ["Keys", "CreateKeys"]
    error_message = "The bucket and the table of another stack are not this one's operators' to change."
  }
}

run "operators_delete_models_only_where_a_destroy_may" {
  variables {
    registry = {
      bucket_arn      = "arn:aws:s3:::models"
      kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/aaaaaaaa-2222-3333-4444-555555555555"
      sealing_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/bbbbbbbb-2222-3333-4444-555555555555"
    }
    ledger = { table_arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/amaas-ledger" }
    roles  = {}
    parts  = { network = false, vpc = false, gpu = false, edge = false }
  }

  assert {
    condition     = !strcontains(output.operator["data"], "s3:DeleteObject") && !strcontains(output.operator["data"], "kms:CreateGrant")
    error_message = "What the stack does not have operators must not be allowed."
  }

  assert {
    condition     = keys(output.operator) == ["data", "front", "functions", "roles"]
    error_message = "A stack without a network needs no policy for one."
  }
}

run "operators_of_a_network_that_is_there" {
  variables {
    parts = { network = false, edge = false }
  }

  assert {
    condition = alltrue([
      length(setsubtract(["ec2:CreateSecurityGroup", "ec2:DescribeSubnets", "ec2:AuthorizeSecurityGroupIngress"], flatten(jsondecode(output.operator["network"]).Statement[*].Action))) == 0,
      !contains(flatten(jsondecode(output.operator["network"]).Statement[*].Action), "ec2:CreateVpc"),
    ])
    error_message = "Services have security groups of their own in a VPC that is there, and the VPC stays as it is."
  }
}

run "operators_of_functions_in_a_network_that_is_there" {
  variables {
    parts = { network = false, gpu = false, edge = false }
  }

  assert {
    condition     = alltrue([for action in flatten(jsondecode(output.operator["network"]).Statement[*].Action) : startswith(action, "ec2:Describe")])
    error_message = "A function in a VPC that is there needs to look at it, and no more."
  }
}

run "operators_use_zones_and_repositories_that_are_named" {
  variables {
    parts = {
      hosted_zone_ids = ["Z0123456789"]
      repository_arns = ["arn:aws:ecr:eu-central-1:123456789012:repository/amaas/match"]
    }
  }

  assert {
    condition = alltrue([
      flatten([for statement in jsondecode(output.operator["front"]).Statement : statement.Resource if contains(statement.Action, "route53:ChangeResourceRecordSets")]) == ["arn:aws:route53:::hostedzone/Z0123456789"],
      flatten([for statement in jsondecode(output.operator["functions"]).Statement : statement.Resource if contains(statement.Action, "ecr:SetRepositoryPolicy")]) == ["arn:aws:ecr:eu-central-1:123456789012:repository/amaas/match"],
    ])
    error_message = "Names and repositories of others must stay closed."
  }
}

run "operators_use_no_zone_and_no_repository_by_default" {
  assert {
    condition     = !anytrue([for policy in values(output.operator) : strcontains(policy, "route53:") || strcontains(policy, "ecr:")])
    error_message = "A stack without a domain and without images needs neither."
  }
}
