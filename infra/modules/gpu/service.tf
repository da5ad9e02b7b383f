locals {
  service_name = "${var.name}-${var.model.name}"
  port         = 8080
  cpu          = coalesce(var.cpu, 3072)
  memory_mb    = coalesce(var.memory_mb, 12288)

  # A load balancer's name has no underscores.
  balancer_name = replace(local.service_name, "_", "-")

  # User of the image, which must be able to write the mounted volume.
  user = 65532

  environment = merge(
    var.model.environment,
    {
      AMAAS_EXECUTION_PROVIDERS  = join(",", var.execution_providers)
      AMAAS_HOST                 = "0.0.0.0"
      PORT                       = tostring(local.port)
      AMAAS_EMF                  = "on"
      AMAAS_JOURNAL              = "/var/lib/amaas/journal"
      AWS_REGION                 = data.aws_region.current.id
      NVIDIA_DRIVER_CAPABILITIES = "compute,utility"
    },
    length(var.model.cors_origins) == 0 ? {} : { AMAAS_CORS_ORIGINS = join(",", var.model.cors_origins) },
  )
}

resource "aws_ecs_cluster" "this" {
  name = local.service_name
  tags = var.model.tags

  # Metrics of desired and running tasks, which scaling reads.
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.service_name
  requires_compatibilities = ["EC2"]
  network_mode             = "awsvpc"
  cpu                      = local.cpu
  memory                   = local.memory_mb
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn
  tags                     = var.model.tags

  container_definitions = jsonencode([{
    name                   = "amaas"
    image                  = var.image
    essential              = true
    user                   = "${local.user}:${local.user}"
    readonlyRootFilesystem = true
    environment            = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    portMappings           = [{ containerPort = local.port, protocol = "tcp" }]
    resourceRequirements   = [{ type = "GPU", value = tostring(var.gpus) }]
    mountPoints            = [{ sourceVolume = "journal", containerPath = "/var/lib/amaas", readOnly = false }]

    # Each connection needs a file descriptor. The host limits connections below this (AMAAS_MAX_CONNECTIONS). The agent's default may be 1024.
    ulimits = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]

    # After SIGTERM a server answers running calls for 25 seconds, and then writes their usage.
    stopTimeout = 60

    linuxParameters = {
      capabilities = { drop = ["ALL"] }
      tmpfs        = [{ containerPath = "/tmp", size = 256, mountOptions = ["nosuid", "nodev"] }]
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = data.aws_region.current.id
        awslogs-stream-prefix = "task"
      }
    }
  }])

  # Usage that is not in the ledger yet survives a killed task: the next task on the instance writes it.
  volume {
    name      = "journal"
    host_path = "/var/lib/amaas"
  }
}

resource "aws_ecs_service" "this" {
  name                              = local.service_name
  cluster                           = aws_ecs_cluster.this.id
  task_definition                   = aws_ecs_task_definition.this.arn
  desired_count                     = var.capacity.min
  health_check_grace_period_seconds = 600
  propagate_tags                    = "SERVICE"
  enable_ecs_managed_tags           = true
  tags                              = var.model.tags

  # A new task needs another instance for its GPU. If more than one task is allowed, the old tasks run until the new ones are ready. With one task
  # the old one stops first, and callers get 503 meanwhile.
  deployment_minimum_healthy_percent = var.capacity.max > 1 ? 100 : 0
  deployment_maximum_percent         = var.capacity.max > 1 ? 200 : 100

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.this.name
    weight            = 1
  }

  ordered_placement_strategy {
    type  = "spread"
    field = "attribute:ecs.availability-zone"
  }

  network_configuration {
    subnets         = var.network.subnet_ids
    security_groups = concat([aws_security_group.task.id], var.network.security_group_ids)
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = "amaas"
    container_port   = local.port
  }

  lifecycle {
    ignore_changes = [desired_count] # set by Application Auto Scaling
  }

  depends_on = [aws_lb_listener.this, aws_ecs_cluster_capacity_providers.this, aws_iam_role_policy.execution, aws_iam_role_policy.task]
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:`log_retention_days` is a setting; no log has a payload
  name              = "/amaas/${local.service_name}"
  retention_in_days = var.model.log_retention_days
  kms_key_id        = var.model.log_kms_key_arn
  tags              = var.model.tags
}
