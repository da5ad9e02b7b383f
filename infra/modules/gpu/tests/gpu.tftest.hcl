mock_provider "aws" {
  mock_resource "aws_ecs_cluster" {
    defaults = {
      id  = "arn:aws:ecs:eu-central-1:123456789012:cluster/amaas-match"
      arn = "arn:aws:ecs:eu-central-1:123456789012:cluster/amaas-match"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/amaas-match" }
  }

  mock_resource "aws_iam_instance_profile" {
    defaults = { arn = "arn:aws:iam::123456789012:instance-profile/amaas-match-instance" }
  }

  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 3 }
  }

  mock_resource "aws_autoscaling_group" {
    defaults = { arn = "arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:11111111-2222-3333-4444-555555555555:autoScalingGroupName/amaas-match" }
  }

  mock_resource "aws_lb" {
    defaults = {
      arn        = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/amaas-match/0123456789abcdef"
      arn_suffix = "app/amaas-match/0123456789abcdef"
      dns_name   = "internal-amaas-match-1.eu-central-1.elb.amazonaws.com"
    }
  }

  mock_resource "aws_lb_target_group" {
    defaults = {
      arn        = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/amaas-match/0123456789abcdef"
      arn_suffix = "targetgroup/amaas-match/0123456789abcdef"
    }
  }

  mock_resource "aws_lb_listener" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/amaas-match/0123456789abcdef/0123456789abcdef" }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:123456789012:task-definition/amaas-match:1" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/amaas/amaas-match" }
  }

  mock_resource "aws_appautoscaling_policy" {
    defaults = { arn = "arn:aws:autoscaling:eu-central-1:123456789012:scalingPolicy:11111111-2222-3333-4444-555555555555:resource/ecs/service/amaas-match/amaas-match:policyName/step" }
  }

  mock_data "aws_ssm_parameter" {
    defaults = { insecure_value = "ami-0123456789abcdef0" }
  }

  mock_data "aws_ec2_instance_type" {
    defaults = {
      default_vcpus           = 4
      memory_size             = 16384
      supported_architectures = ["x86_64"]
      gpus                    = [{ count = 1, manufacturer = "NVIDIA", memory_size = 24576, name = "A10G" }]
    }
  }

  mock_data "aws_default_tags" {
    defaults = { tags = { application = "amaas", team = "default" } }
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
  name  = "amaas"
  image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/amaas/match@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  network = {
    vpc_id                    = "vpc-1"
    subnet_ids                = ["subnet-1", "subnet-2"]
    security_group_ids        = ["sg-workload"]
    client_security_group_ids = ["sg-callers"]
    client_cidrs              = ["10.0.0.0/8"]
  }

  model = {
    name               = "match"
    environment        = { AMAAS_MODEL = "match" }
    statements         = [{ Sid = "ReadModel", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::models/models/match/*"] }]
    sealing            = "required"
    cors_origins       = []
    log_retention_days = 30
    log_kms_key_arn    = null
    roles              = { path = "/", permissions_boundary = null }
    tags               = {}
  }
}

run "task_on_a_gpu" {
  variables {
    model = merge(var.model, { cors_origins = ["*"], environment = { AMAAS_MODEL = "match", AMAAS_LOG = "debug" } })
  }

  assert {
    condition = alltrue([for container in jsondecode(aws_ecs_task_definition.this.container_definitions) : alltrue([
      container.image == var.image,
      container.resourceRequirements == [{ type = "GPU", value = "1" }],
      container.readonlyRootFilesystem,
      container.user == "65532:65532",
      container.linuxParameters.capabilities.drop == ["ALL"],
      container.stopTimeout > 25,
      container.ulimits == [{ hardLimit = 65536, name = "nofile", softLimit = 65536 }],
      container.mountPoints[0].containerPath == "/var/lib/amaas",
    ])])
    error_message = "The task must have its GPU, no more rights than it needs, descriptors for its connections, and time to drain."
  }

  assert {
    condition = { for variable in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : variable.name => variable.value } == {
      AMAAS_CORS_ORIGINS         = "*"
      AMAAS_EMF                  = "on"
      AMAAS_EXECUTION_PROVIDERS  = "cuda"
      AMAAS_HOST                 = "0.0.0.0"
      AMAAS_JOURNAL              = "/var/lib/amaas/journal"
      AMAAS_LOG                  = "debug"
      AMAAS_MODEL                = "match"
      AWS_REGION                 = "eu-central-1"
      NVIDIA_DRIVER_CAPABILITIES = "compute,utility"
      PORT                       = "8080"
    }
    error_message = "The environment must be the model's and the http host's own, and nothing else."
  }

  assert {
    condition = alltrue([
      aws_ecs_service.this.desired_count == 0,
      one(aws_ecs_service.this.deployment_circuit_breaker).rollback,
      one(aws_ecs_service.this.capacity_provider_strategy).capacity_provider == "amaas-match",
      toset(one(aws_ecs_service.this.network_configuration).security_groups) == toset([aws_security_group.task.id, "sg-workload"]),
    ])
    error_message = "The service must start at zero tasks, roll back by itself, and run on the GPU instances."
  }
}

run "instances" {
  assert {
    condition = alltrue([
      aws_launch_template.this.instance_type == "g5.xlarge",
      aws_launch_template.this.image_id == "ami-0123456789abcdef0",
      one(aws_launch_template.this.metadata_options).http_tokens == "required",
      one(aws_launch_template.this.metadata_options).http_put_response_hop_limit == 1,
      tobool(one(one(aws_launch_template.this.block_device_mappings).ebs).encrypted),
      !tobool(one(aws_launch_template.this.network_interfaces).associate_public_ip_address),
      strcontains(base64decode(aws_launch_template.this.user_data), "ECS_CLUSTER=amaas-match\n"),
      strcontains(base64decode(aws_launch_template.this.user_data), "-o 65532"),
    ])
    error_message = "Instances must be private, encrypted, of this cluster, and give the task its folder."
  }

  assert {
    condition = alltrue([
      aws_autoscaling_group.this.min_size == 0,
      aws_autoscaling_group.this.max_size == 1,
      aws_ecs_service.this.deployment_minimum_healthy_percent == 0 && aws_ecs_service.this.deployment_maximum_percent == 100,
      aws_autoscaling_group.this.protect_from_scale_in,
      aws_autoscaling_group.this.force_delete,
      one(one(aws_autoscaling_group.this.mixed_instances_policy).instances_distribution).on_demand_percentage_above_base_capacity == 100,
      one(aws_ecs_capacity_provider.this.auto_scaling_group_provider).managed_termination_protection == "ENABLED",
      one(aws_ecs_capacity_provider.this.auto_scaling_group_provider).managed_draining == "ENABLED",
    ])
    error_message = "ECS must make and drain instances as tasks need them."
  }
}

run "spot" {
  variables {
    capacity = { max = 4, spot = true }
  }

  assert {
    condition     = one(one(aws_autoscaling_group.this.mixed_instances_policy).instances_distribution).on_demand_percentage_above_base_capacity == 0 && aws_autoscaling_group.this.capacity_rebalance
    error_message = "All instances must be spot instances, and replaced before they are taken."
  }

  assert {
    condition     = aws_autoscaling_group.this.max_size == 5 && aws_ecs_service.this.deployment_minimum_healthy_percent == 100
    error_message = "A deployment that stops no task before the next is ready must find an instance for it when there are as many tasks as may be."
  }
}

run "reached_from_inside_only" {
  assert {
    condition = alltrue([
      aws_lb.this.internal,
      aws_lb_listener.this.protocol == "HTTP",
      output.endpoint == "http://internal-amaas-match-1.eu-central-1.elb.amazonaws.com",
      one(aws_lb_target_group.this.health_check).path == "/v2/health/ready",
      tonumber(aws_lb_target_group.this.deregistration_delay) >= 25,
      aws_vpc_security_group_ingress_rule.client_group[0].referenced_security_group_id == "sg-callers",
      aws_vpc_security_group_ingress_rule.client_address["10.0.0.0/8"].from_port == 80,
      aws_vpc_security_group_ingress_rule.from_balancer.referenced_security_group_id == aws_security_group.balancer.id,
    ])
    error_message = "Callers must reach the balancer, and only it the tasks."
  }
}

run "with_a_certificate" {
  variables {
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
    model           = merge(var.model, { sealing = "optional" })
  }

  assert {
    condition = alltrue([
      aws_lb_listener.this.protocol == "HTTPS",
      aws_lb_listener.this.port == 443,
      aws_lb_listener.this.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06",
      startswith(output.endpoint, "https://"),
    ])
    error_message = "With a certificate the listener must speak TLS 1.2 or newer."
  }
}

run "scales_with_the_queue" {
  variables {
    capacity = { min = 0, max = 4 }
    scaling  = { queue_depth = 16, idle_minutes = 30 }
  }

  assert {
    condition = alltrue([
      keys(aws_appautoscaling_policy.this) == ["scale_from_zero", "scale_in", "scale_out", "scale_to_zero"],
      aws_appautoscaling_target.this.resource_id == "service/amaas-match/amaas-match",
      aws_appautoscaling_target.this.min_capacity == 0 && aws_appautoscaling_target.this.max_capacity == 4,
      one(one(aws_appautoscaling_policy.this["scale_from_zero"].step_scaling_policy_configuration).step_adjustment).scaling_adjustment == 1,
      one(one(aws_appautoscaling_policy.this["scale_to_zero"].step_scaling_policy_configuration).step_adjustment).scaling_adjustment == 0,
      one(aws_appautoscaling_policy.this["scale_to_zero"].step_scaling_policy_configuration).adjustment_type == "ExactCapacity",
      aws_cloudwatch_metric_alarm.this["scale_to_zero"].evaluation_periods == 30,
      aws_cloudwatch_metric_alarm.this["scale_to_zero"].treat_missing_data == "breaching",
      sort([for query in aws_cloudwatch_metric_alarm.this["scale_to_zero"].metric_query : query.id]) == tolist(["due", "refused", "requests"]),
    ])
    error_message = "There must be a policy for each case, within the bounds."
  }

  assert {
    condition = alltrue([
      one([for query in aws_cloudwatch_metric_alarm.this["scale_out"].metric_query : query.expression if query.id == "due"]) == "IF(depth > 16, 1, 0)",
      one([for query in aws_cloudwatch_metric_alarm.this["scale_out"].metric_query : one(query.metric).namespace if query.id == "depth"]) == "amaas/amaas-match",
      one([for query in aws_cloudwatch_metric_alarm.this["scale_out"].metric_query : one(query.metric).metric_name if query.id == "depth"]) == "QueueDepth",
      aws_cloudwatch_log_metric_filter.depth.log_group_name == aws_cloudwatch_log_group.this.name,
      aws_cloudwatch_log_metric_filter.depth.pattern == "{ $.QueueDepth >= 0 }",
      one(aws_cloudwatch_log_metric_filter.depth.metric_transformation).value == "$.QueueDepth",
      one(aws_cloudwatch_log_metric_filter.depth.metric_transformation).default_value == null,
      sort([for query in aws_cloudwatch_metric_alarm.this["scale_from_zero"].metric_query : query.id]) == tolist(["due", "refused"]),
      one([for query in aws_cloudwatch_metric_alarm.this["scale_from_zero"].metric_query : one(query.metric).metric_name if query.id == "refused"]) == "HTTPCode_ELB_503_Count",
    ])
    error_message = "The service must scale out with the queue, and from zero with calls that got 503."
  }
}

run "a_fixed_number_is_kept" {
  variables {
    capacity = { min = 2, max = 2 }
  }

  assert {
    condition = alltrue([
      aws_appautoscaling_target.this.min_capacity == 2 && aws_appautoscaling_target.this.max_capacity == 2,
      one(one(aws_appautoscaling_policy.this["scale_from_zero"].step_scaling_policy_configuration).step_adjustment).scaling_adjustment == 1,
      one([for query in aws_cloudwatch_metric_alarm.this["scale_from_zero"].metric_query : query.expression if query.id == "due"]) == "IF(desired < 2, 1, 0)",
      sort([for query in aws_cloudwatch_metric_alarm.this["scale_from_zero"].metric_query : query.id]) == tolist(["desired", "due"]),
    ])
    error_message = "The number of tasks must return to the minimum without a call."
  }
}

run "rights" {
  assert {
    condition = alltrue(flatten([for policy in [aws_iam_role_policy.task.policy, aws_iam_role_policy.execution.policy, aws_iam_role_policy.instance.policy] : [
      for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]
    ]]))
    error_message = "Each action must be named."
  }

  assert {
    condition = toset(flatten([for policy in [aws_iam_role_policy.task.policy, aws_iam_role_policy.execution.policy, aws_iam_role_policy.instance.policy] : [
      for statement in jsondecode(policy).Statement : statement.Action if contains(statement.Resource, "*")
    ]])) == toset(["ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint"])
    error_message = "Only actions without resources may be allowed on all."
  }

  assert {
    condition = alltrue([
      jsondecode(aws_iam_role_policy.task.policy) == { Version = "2012-10-17", Statement = var.model.statements },
      jsondecode(aws_iam_role_policy.execution.policy).Statement[1].Resource == ["arn:aws:ecr:eu-central-1:123456789012:repository/amaas/match"],
    ])
    error_message = "The program may do what the model's statements say and no more, and ECS may pull its own image."
  }
}

run "roles_of_an_enterprise" {
  command = plan

  variables {
    model = merge(var.model, { roles = { path = "/amaas/", permissions_boundary = "arn:aws:iam::123456789012:policy/boundary" } })
  }

  assert {
    condition = alltrue([for role in [aws_iam_role.task, aws_iam_role.execution, aws_iam_role.instance] : alltrue([
      role.path == "/amaas/",
      role.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary",
    ])])
    error_message = "Each role must have the path and the boundary."
  }

  assert {
    condition     = aws_iam_instance_profile.instance.path == "/amaas/"
    error_message = "An operator who may act below a path only must be able to make the instance profile."
  }
}

run "image_of_another_registry" {
  variables {
    image = "ghcr.io/acme/match@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.execution.policy).Statement[*].Sid == ["WriteLogs"]
    error_message = "An image that is not in ECR needs no right there."
  }
}

run "refuses_what_is_no_gpu" {
  command = plan

  variables {
    instance_type       = "m7i.large"
    execution_providers = ["cpu"]
    gpus                = 0
  }

  expect_failures = [var.instance_type, var.execution_providers, var.gpus]
}

run "refuses_an_image_by_tag" {
  command = plan

  variables {
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/amaas/match:latest"
  }

  expect_failures = [var.image]
}

run "refuses_plain_calls_in_the_clear" {
  command = plan

  variables {
    model = merge(var.model, { sealing = "optional" })
  }

  expect_failures = [var.certificate_arn]
}

run "refuses_numbers_out_of_range" {
  command = plan

  variables {
    cpu            = 1.5
    memory_mb      = 100
    root_volume_gb = 8
    capacity       = { min = 3, max = 2 }
    scaling        = { queue_depth = 0, idle_minutes = 1 }
  }

  expect_failures = [var.cpu, var.memory_mb, var.root_volume_gb, var.capacity, var.scaling]
}

run "refuses_one_subnet_and_everybody" {
  command = plan

  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], security_group_ids = [], client_cidrs = ["0.0.0.0/0"] }
  }

  expect_failures = [var.network]
}

run "a_model_with_an_underscore" {
  variables {
    model = merge(var.model, { name = "match_v2" })
  }

  assert {
    condition = alltrue([
      aws_lb.this.name == "amaas-match-v2",
      aws_lb_target_group.this.name == "amaas-match-v2",
      aws_ecs_service.this.name == "amaas-match_v2",
    ])
    error_message = "A load balancer takes no underscore; all else has the model's own name."
  }
}

run "refuses_names_that_aws_keeps" {
  command = plan

  variables {
    name  = "ecs-models"
    model = merge(var.model, { name = "match-" })
  }

  expect_failures = [var.name, var.model]
}

run "refuses_the_name_of_an_internal_load_balancer" {
  command = plan

  variables {
    name = "internal"
  }

  expect_failures = [var.name]
}

run "refuses_names_that_a_load_balancer_cannot_have" {
  command = plan

  variables {
    model = merge(var.model, { name = "a-name-with-far-too-many-characters" })
  }

  expect_failures = [aws_lb.this]
}

run "refuses_names_of_the_module" {
  command = plan

  variables {
    model = merge(var.model, { environment = { PORT = "80" } })
  }

  expect_failures = [var.model]
}

run "refuses_another_region" {
  command = plan

  variables {
    model = merge(var.model, { environment = { AWS_REGION = "us-east-1" } })
  }

  expect_failures = [var.model]
}

run "refuses_a_certificate_of_another_region" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
  }

  expect_failures = [var.certificate_arn]
}

run "instances_and_disks_have_all_tags" {
  variables {
    model = merge(var.model, { tags = { team = "search", "amaas:model" = "match" } })
  }

  assert {
    condition = alltrue([
      { for specification in aws_launch_template.this.tag_specifications : specification.resource_type => specification.tags } == {
        instance = tomap({ application = "amaas", team = "search", "amaas:model" = "match", Name = "amaas-match" })
        volume   = tomap({ application = "amaas", team = "search", "amaas:model" = "match", Name = "amaas-match" })
      },
      { for tag in aws_autoscaling_group.this.tag : tag.key => tag.value if tag.propagate_at_launch } == {
        application = "amaas", team = "search", "amaas:model" = "match", Name = "amaas-match", AmazonECSManaged = "true"
      },
      aws_ecs_service.this.propagate_tags == "SERVICE",
    ])
    error_message = "What EC2 and Auto Scaling make must have the provider's default tags too, and tags of the module's own before them."
  }
}

run "types_of_newer_families" {
  command = plan

  variables {
    instance_type = "g7e.2xlarge"
  }

  assert {
    condition     = aws_launch_template.this.instance_type == "g7e.2xlarge"
    error_message = "A type that EC2 knows must be taken."
  }
}

run "types_with_a_hyphen" {
  command = plan

  variables {
    instance_type = "p6-b200.48xlarge"
  }
}

run "refuses_gpus_that_cuda_does_not_know" {
  command = plan

  variables {
    instance_type = "p3.2xlarge"
  }

  expect_failures = [var.instance_type]
}

run "refuses_amd" {
  command = plan

  variables {
    instance_type = "g4ad.xlarge"
  }

  expect_failures = [var.instance_type]
}

run "refuses_arm_processors" {
  command = plan

  variables {
    instance_type = "p6e-gb200.36xlarge"
  }

  override_data {
    target = data.aws_ec2_instance_type.this
    values = {
      default_vcpus           = 144
      memory_size             = 983040
      supported_architectures = ["arm64"]
      gpus                    = [{ count = 4, manufacturer = "NVIDIA", memory_size = 189440, name = "B200" }]
    }
  }

  expect_failures = [aws_launch_template.this]
}

run "refuses_a_type_without_a_gpu" {
  command = plan

  variables {
    instance_type = "g9x.large"
  }

  override_data {
    target = data.aws_ec2_instance_type.this
    values = { default_vcpus = 16, memory_size = 65536, supported_architectures = ["x86_64"], gpus = [] }
  }

  expect_failures = [aws_launch_template.this]
}

run "refuses_more_gpus_than_an_instance_has" {
  command = plan

  variables {
    gpus = 2
  }

  expect_failures = [aws_launch_template.this]
}

run "gpus_of_a_larger_type" {
  command = plan

  variables {
    instance_type = "g5.12xlarge"
    gpus          = 4
    cpu           = 40960
    memory_mb     = 163840
  }

  override_data {
    target = data.aws_ec2_instance_type.this
    values = {
      default_vcpus           = 48
      memory_size             = 196608
      supported_architectures = ["x86_64"]
      gpus                    = [{ count = 4, manufacturer = "NVIDIA", memory_size = 24576, name = "A10G" }]
    }
  }
}

run "refuses_a_task_that_fits_on_no_instance" {
  command = plan

  variables {
    memory_mb = 16384
  }

  expect_failures = [aws_launch_template.this]
}
