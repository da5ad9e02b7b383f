# Versions, canaries, provisioned concurrency, SnapStart and the VPC.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/amaas-sentiment" }
  }

  mock_resource "aws_lambda_function" {
    defaults = {
      arn     = "arn:aws:lambda:eu-central-1:123456789012:function:amaas-sentiment"
      version = "7"
    }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:amaas-sentiment-dead-letters" }
  }

  mock_resource "aws_cloudwatch_metric_alarm" {
    defaults = { arn = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:amaas-sentiment-canary" }
  }

  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:amaas-sentiment-rollback" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/amaas-sentiment" }
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
  name    = "amaas"
  package = "tests/package.zip"

  model = {
    name               = "sentiment"
    environment        = { AMAAS_MODEL = "sentiment" }
    statements         = [{ Sid = "ReadModel", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::models/models/sentiment/*"] }]
    cors_origins       = []
    log_retention_days = 30
    log_kms_key_arn    = null
    roles              = { path = "/", permissions_boundary = null }
    tags               = {}
  }
}

run "all_calls_to_the_newest" {
  assert {
    condition = alltrue([
      output.version == "7",
      output.stable_version == "7",
      length(aws_lambda_alias.live.routing_config) == 0,
      length(aws_sfn_state_machine.rollback) == 0,
      length(aws_sqs_queue.dead_letters) == 0,
      length(aws_lambda_provisioned_concurrency_config.this) == 0,
      length(aws_appautoscaling_target.this) == 0,
      length(aws_lambda_function.this.vpc_config) == 0,
    ])
    error_message = "Without canary, dead letters, provisioned concurrency and VPC there must be nothing of them."
  }
}

run "rolled_back" {
  variables {
    stable_version = "6"
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "6" && length(aws_lambda_alias.live.routing_config) == 0 && output.version == "7"
    error_message = "Callers must reach the version that was named, alone."
  }
}

run "canary" {
  variables {
    stable_version   = "6"
    canary           = { weight = 0.1, rollback = { p99_ms = 300 } }
    alarm_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:amaas-alarms"]
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "6" && one(aws_lambda_alias.live.routing_config).additional_version_weights == tomap({ "7" = 0.1 })
    error_message = "The newest version must have its share, and the named one the rest."
  }

  assert {
    condition = alltrue([
      one([for query in aws_cloudwatch_metric_alarm.canary_errors[0].metric_query : one(query.metric).dimensions if query.id == "errors"]) == tomap({ FunctionName = "amaas-sentiment", Resource = "amaas-sentiment:live", ExecutedVersion = "7" }),
      one([for query in aws_cloudwatch_metric_alarm.canary_errors[0].metric_query : one(query.metric).dimensions if query.id == "failures"]) == tomap({ Function = "amaas-sentiment", FunctionVersion = "7" }),
      aws_cloudwatch_metric_alarm.canary_errors[0].threshold == 0.05,
      aws_cloudwatch_metric_alarm.canary_latency[0].threshold == 300,
      aws_cloudwatch_metric_alarm.canary_latency[0].extended_statistic == "p99",
      aws_cloudwatch_metric_alarm.canary_errors[0].alarm_actions == toset(["arn:aws:sns:eu-central-1:123456789012:amaas-alarms"]),
    ])
    error_message = "The alarms must read the canary's calls alone, and notify the topics."
  }

  assert {
    condition = alltrue([
      length(jsondecode(aws_cloudwatch_event_rule.rollback[0].event_pattern).resources) == 2,
      jsondecode(aws_cloudwatch_event_rule.rollback[0].event_pattern).detail.state.value == ["ALARM"],
      aws_cloudwatch_event_target.rollback[0].arn == aws_sfn_state_machine.rollback[0].arn,
      jsondecode(aws_sfn_state_machine.rollback[0].definition).States.RouteToStableVersion.Parameters == {
        FunctionName    = "amaas-sentiment"
        Name            = "live"
        FunctionVersion = "6"
        RoutingConfig   = { AdditionalVersionWeights = {} }
      },
    ])
    error_message = "Either alarm must set the alias to the stable version alone."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.rollback[0].policy).Statement[*] == [
      {
        Sid      = "UpdateAlias"
        Effect   = "Allow"
        Action   = ["lambda:UpdateAlias"]
        Resource = ["arn:aws:lambda:eu-central-1:123456789012:function:amaas-sentiment", "arn:aws:lambda:eu-central-1:123456789012:function:amaas-sentiment:live"]
      },
      {
        Sid      = "StartRollback"
        Effect   = "Allow"
        Action   = ["states:StartExecution"]
        Resource = ["arn:aws:states:eu-central-1:123456789012:stateMachine:amaas-sentiment-rollback"]
      },
    ]
    error_message = "The rollback may move this function's alias and nothing else."
  }
}

run "roles_of_an_enterprise" {
  command = plan

  variables {
    stable_version = "3"
    canary         = { weight = 0.1 }
    model          = merge(var.model, { roles = { path = "/amaas/", permissions_boundary = "arn:aws:iam::123456789012:policy/boundary" } })
  }

  assert {
    condition = alltrue([for role in [aws_iam_role.this, aws_iam_role.rollback[0]] : alltrue([
      role.path == "/amaas/",
      role.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary",
    ])])
    error_message = "Each role must have the path and the boundary."
  }
}

run "canary_without_rollback_or_change" {
  variables {
    stable_version = "7"
    canary         = { weight = 0.1, rollback = { automatic = false, p99_ms = 300 } }
  }

  assert {
    condition     = length(aws_lambda_alias.live.routing_config) == 0 && length(aws_sfn_state_machine.rollback) == 0 && length(aws_cloudwatch_metric_alarm.canary_latency) == 0
    error_message = "A version cannot be its own canary, and automatic = false must make no alarm."
  }
}

run "long_names_fit" {
  variables {
    name           = "a234567890123456789012c"
    model          = merge(var.model, { name = "m234567890123456789012345678901234567890" })
    stable_version = "6"
    canary         = { weight = 0.5 }
  }

  assert {
    condition = alltrue([
      length(aws_iam_role.rollback[0].name) <= 64,
      endswith(aws_iam_role.rollback[0].name, "-rollback"),
      aws_iam_role.rollback[0].name == aws_sfn_state_machine.rollback[0].name,
    ])
    error_message = "IAM takes 64 characters."
  }
}

run "environments_stand_ready" {
  variables {
    provisioned_concurrency = { min = 2 }
  }

  assert {
    condition = alltrue([
      aws_lambda_provisioned_concurrency_config.this[0].provisioned_concurrent_executions == 2,
      aws_lambda_provisioned_concurrency_config.this[0].qualifier == "7",
      length(aws_appautoscaling_target.this) == 0,
    ])
    error_message = "A fixed number must be provisioned for the version that callers reach."
  }
}

run "environments_as_many_as_needed" {
  variables {
    provisioned_concurrency = { min = 2, max = 20, target_utilization = 0.6 }
  }

  assert {
    condition = alltrue([
      length(aws_lambda_provisioned_concurrency_config.this) == 0,
      aws_lambda_provisioned_concurrency_config.scaled[0].provisioned_concurrent_executions == 2,
      aws_appautoscaling_target.this[0].resource_id == "function:amaas-sentiment:7",
      aws_appautoscaling_target.this[0].min_capacity == 2,
      aws_appautoscaling_target.this[0].max_capacity == 20,
      one(aws_appautoscaling_policy.this[0].target_tracking_scaling_policy_configuration).target_value == 0.6,
    ])
    error_message = "Application Auto Scaling alone must set their number."
  }
}

run "image_in_place_of_a_zip" {
  variables {
    package = null
    image   = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/amaas@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition = alltrue([
      aws_lambda_function.this.package_type == "Image",
      aws_lambda_function.this.image_uri == var.image,
      aws_lambda_function.this.runtime == null,
      aws_lambda_function.this.handler == null,
      aws_lambda_function.this.filename == null,
    ])
    error_message = "An image brings its own entry point, and there must be no zip beside it."
  }
}

run "dead_letters" {
  variables {
    dead_letters = { retention_days = 7, retries = 1, kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/99999999-2222-3333-4444-555555555555" }
  }

  assert {
    condition = alltrue([
      aws_sqs_queue.dead_letters[0].message_retention_seconds == 604800,
      aws_sqs_queue.dead_letters[0].kms_master_key_id == var.dead_letters.kms_key_arn,
      aws_lambda_function_event_invoke_config.this[0].qualifier == "live",
      aws_lambda_function_event_invoke_config.this[0].maximum_retry_attempts == 1,
      one(one(aws_lambda_function_event_invoke_config.this[0].destination_config).on_failure).destination == aws_sqs_queue.dead_letters[0].arn,
      output.dead_letter_queue == "amaas-sentiment-dead-letters",
    ])
    error_message = "What failed must go to the encrypted queue."
  }

  assert {
    condition = alltrue([
      one([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource if statement.Sid == "SendDeadLetters"]) == [aws_sqs_queue.dead_letters[0].arn],
      one([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource if statement.Sid == "EncryptDeadLetters"]) == [var.dead_letters.kms_key_arn],
    ])
    error_message = "The role must be able to send to this queue, and use its key."
  }
}

run "dead_letters_with_the_key_of_sqs" {
  variables {
    dead_letters = {}
  }

  assert {
    condition     = aws_sqs_queue.dead_letters[0].sqs_managed_sse_enabled && length([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement if statement.Sid == "EncryptDeadLetters"]) == 0
    error_message = "The queue must be encrypted without a key too."
  }
}

run "in_a_vpc" {
  variables {
    vpc = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition     = one(aws_lambda_function.this.vpc_config).subnet_ids == toset(["subnet-1", "subnet-2"]) && one(aws_lambda_function.this.vpc_config).security_group_ids == toset(["sg-1"])
    error_message = "The function must be in these subnets, behind this group."
  }

  assert {
    condition = alltrue([
      one([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Effect if statement.Sid == "JoinVpc"]) == "Allow",
      one([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Condition if statement.Sid == "DenyFunctionCode"]) == {
        ArnEquals = { "lambda:SourceFunctionArn" = ["arn:aws:lambda:eu-central-1:123456789012:function:amaas-sentiment"] }
      },
    ])
    error_message = "Lambda must be able to join, and the function's own code must not."
  }
}

run "refuses_a_canary_without_a_stable_version" {
  command = plan

  variables {
    canary = { weight = 0.1 }
  }

  expect_failures = [var.canary]
}

run "refuses_a_canary_of_latest" {
  command = plan

  variables {
    stable_version = "$LATEST"
    canary         = { weight = 0.1 }
  }

  expect_failures = [var.canary]
}

run "refuses_shares_that_are_none" {
  command = plan

  variables {
    stable_version = "6"
    canary         = { weight = 10, rollback = { error_rate = 5, p99_ms = 0, minutes = 0 } }
  }

  expect_failures = [var.canary]
}

run "refuses_provisioned_concurrency_of_latest" {
  command = plan

  variables {
    stable_version          = "$LATEST"
    provisioned_concurrency = { min = 1 }
  }

  expect_failures = [var.provisioned_concurrency]
}

run "refuses_provisioned_concurrency_of_two_versions" {
  command = plan

  variables {
    stable_version          = "6"
    canary                  = { weight = 0.1 }
    provisioned_concurrency = { min = 1 }
  }

  expect_failures = [var.provisioned_concurrency]
}

run "refuses_provisioned_concurrency_of_one_version_above_the_reserved" {
  command = plan

  variables {
    reserved_concurrency    = 5
    provisioned_concurrency = { min = 1, max = 10 }
  }

  expect_failures = [var.provisioned_concurrency]
}

# Of which the first apply alone would work.
run "refuses_provisioned_concurrency_of_two_versions_above_the_reserved" {
  command = plan

  variables {
    reserved_concurrency    = 19
    provisioned_concurrency = { min = 10 }
  }

  expect_failures = [var.provisioned_concurrency]
}

run "refuses_a_scaled_version_and_the_next_above_the_reserved" {
  command = plan

  variables {
    reserved_concurrency    = 11
    provisioned_concurrency = { min = 2, max = 10 }
  }

  expect_failures = [var.provisioned_concurrency]
}

run "provisioned_concurrency_of_two_versions_within_the_reserved" {
  command = plan

  variables {
    reserved_concurrency    = 12
    provisioned_concurrency = { min = 2, max = 10 }
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 12
    error_message = "What holds the old version's ten and the new one's two must be taken."
  }
}

run "refuses_provisioned_concurrency_out_of_range" {
  command = plan

  variables {
    provisioned_concurrency = { min = 0, max = 0.5, target_utilization = 2 }
  }

  expect_failures = [var.provisioned_concurrency]
}

run "refuses_versions_dead_letters_and_topics_that_are_none" {
  command = plan

  variables {
    stable_version   = "live"
    dead_letters     = { retention_days = 30, retries = 9, max_age_s = 1, kms_key_arn = "alias/mine" }
    alarm_topic_arns = ["ops@example.com"]
    vpc              = { subnet_ids = [], security_group_ids = [] }
  }

  expect_failures = [var.stable_version, var.dead_letters, var.alarm_topic_arns, var.vpc]
}

run "refuses_an_image_beside_a_zip" {
  command = plan

  variables {
    image                   = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/amaas@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    code_signing_config_arn = "arn:aws:lambda:eu-central-1:123456789012:code-signing-config:csc-0123456789abcdef0"
  }

  expect_failures = [var.package, var.code_signing_config_arn]
}

run "refuses_an_image_by_tag" {
  command = plan

  variables {
    package = null
    image   = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/amaas:latest"
  }

  expect_failures = [var.image]
}

run "refuses_a_package_of_another_architecture" {
  command = plan

  variables {
    package      = "tests/amaas-sentiment-arm64.zip"
    architecture = "x86_64"
  }

  expect_failures = [var.package]
}

run "refuses_an_image_of_another_region" {
  command = plan

  variables {
    package = null
    image   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/amaas@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  expect_failures = [var.image]
}

run "refuses_keys_and_topics_of_another_region" {
  command = plan

  variables {
    dead_letters            = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/99999999-2222-3333-4444-555555555555" }
    alarm_topic_arns        = ["arn:aws:sns:us-east-1:123456789012:ops"]
    code_signing_config_arn = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
  }

  expect_failures = [var.dead_letters, var.alarm_topic_arns, var.code_signing_config_arn]
}

run "refuses_a_stream_in_a_vpc" {
  command = plan

  variables {
    vpc = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
    url = { mode = "RESPONSE_STREAM" }
  }

  expect_failures = [var.url]
}

run "environments_start_without_a_snapshot" {
  assert {
    condition     = length(aws_lambda_function.this.snap_start) == 0
    error_message = "A snapshot costs money, so it must be off by default."
  }
}

run "environments_from_a_snapshot" {
  variables {
    package    = null
    image      = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/amaas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    snap_start = true
  }

  assert {
    condition = alltrue([
      one(aws_lambda_function.this.snap_start).apply_on == "PublishedVersions",
      aws_lambda_function.this.publish,
      aws_lambda_alias.live.function_version == "7",
      aws_lambda_function.this.timeouts.update == "20m",
    ])
    error_message = "A version must be published with its snapshot, which takes a while, and callers must reach it and not $LATEST."
  }
}

run "warns_of_a_snapshot_of_a_zip" {
  command = plan

  variables {
    snap_start = true
  }

  expect_failures = [check.snap_start_of_an_image]
}

run "refuses_a_snapshot_with_provisioned_concurrency" {
  command = plan

  variables {
    package                 = null
    image                   = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/amaas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    snap_start              = true
    provisioned_concurrency = { min = 1 }
  }

  expect_failures = [var.snap_start]
}

run "refuses_a_snapshot_with_more_storage" {
  command = plan

  variables {
    package              = null
    image                = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/amaas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    snap_start           = true
    ephemeral_storage_mb = 1024
  }

  expect_failures = [var.snap_start]
}

run "refuses_a_snapshot_of_what_is_not_published" {
  command = plan

  variables {
    package        = null
    image          = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/amaas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    snap_start     = true
    stable_version = "$LATEST"
  }

  expect_failures = [var.snap_start]
}
