# The newest GPU AMI of ECS, with NVIDIA's driver. Instances get it when they are replaced.
data "aws_ssm_parameter" "ami" {
  name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
}

# Properties of the instance type, so that the module needs no list of types.
data "aws_ec2_instance_type" "this" {
  instance_type = var.instance_type
}

# The provider's default tags do not apply to instances and disks that Auto Scaling creates.
data "aws_default_tags" "this" {}

locals {
  gpus          = sum(concat([0], [for gpu in data.aws_ec2_instance_type.this.gpus : gpu.count]))
  manufacturers = [for gpu in data.aws_ec2_instance_type.this.gpus : gpu.manufacturer]
  instances     = merge(data.aws_default_tags.this.tags, var.model.tags, { Name = local.service_name })
}

resource "aws_launch_template" "this" {
  name          = local.service_name
  description   = "Instances of ${local.service_name}"
  image_id      = data.aws_ssm_parameter.ami.insecure_value
  instance_type = var.instance_type
  tags          = var.model.tags

  user_data = base64encode(<<-SH
    #!/bin/bash
    cat >>/etc/ecs/ecs.config <<'CONFIG'
    ECS_CLUSTER=${aws_ecs_cluster.this.name}
    ECS_ENABLE_GPU_SUPPORT=true
    ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
    ECS_AWSVPC_BLOCK_IMDS=true
    CONFIG
    install -d -o ${local.user} -g ${local.user} -m 0700 /var/lib/amaas
  SH
  )

  iam_instance_profile {
    arn = aws_iam_instance_profile.instance.arn
  }

  # IMDSv2 only, and not from a container, which is one hop further away.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  network_interfaces {
    associate_public_ip_address = false
    security_groups             = var.network.security_group_ids
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = var.root_volume_gb
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = local.instances
  }

  tag_specifications {
    resource_type = "volume"
    tags          = local.instances
  }

  lifecycle {
    precondition {
      condition     = contains(local.manufacturers, "NVIDIA") && contains(data.aws_ec2_instance_type.this.supported_architectures, "x86_64")
      error_message = "${var.model.name}: instance_type must have NVIDIA GPUs and x86_64 processors, and ${var.instance_type} has ${length(local.manufacturers) == 0 ? "no GPU" : "GPUs of ${join(", ", local.manufacturers)}"} and ${join(", ", data.aws_ec2_instance_type.this.supported_architectures)} processors: write \"g5.xlarge\"."
    }

    # A part of a GPU is counted as 0.
    precondition {
      condition     = var.gpus <= max(1, local.gpus)
      error_message = "${var.model.name}: gpus must not be more than an instance has, or no task can start: write gpus = ${max(1, local.gpus)} or less for ${var.instance_type}, not ${var.gpus}, or a larger instance_type."
    }

    # The operating system and the ECS agent need a part of the memory.
    precondition {
      condition     = local.cpu <= 1024 * data.aws_ec2_instance_type.this.default_vcpus && local.memory_mb < data.aws_ec2_instance_type.this.memory_size
      error_message = "${var.model.name}: cpu and memory_mb of a task must fit on an instance, or no task can start: ${var.instance_type} has ${1024 * data.aws_ec2_instance_type.this.default_vcpus} CPU units and ${data.aws_ec2_instance_type.this.memory_size} MiB, a part of which the system needs, and the task needs ${local.cpu} and ${local.memory_mb}. Write smaller values, or a larger instance_type."
    }
  }
}

# ECS starts and ends instances as tasks need them, within these bounds. The maximum is one more than the maximum of tasks, so that a deployment can
# start a new task before it stops an old one.
resource "aws_autoscaling_group" "this" {
  name                  = local.service_name
  min_size              = var.capacity.min
  max_size              = var.capacity.max > 1 ? var.capacity.max + 1 : 1
  vpc_zone_identifier   = var.network.subnet_ids
  protect_from_scale_in = true
  capacity_rebalance    = var.capacity.spot

  # A destroy deletes it after the service, so it has no tasks, and after the capacity provider, with which ECS would end instances one by one.
  force_delete = true

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = 0
      on_demand_percentage_above_base_capacity = var.capacity.spot ? 0 : 100
      spot_allocation_strategy                 = var.capacity.spot ? "price-capacity-optimized" : null
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.this.id
        version            = aws_launch_template.this.latest_version
      }
    }
  }

  dynamic "tag" {
    for_each = merge(local.instances, { AmazonECSManaged = "true" })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    ignore_changes = [desired_capacity] # set by ECS
  }

  # Instances report to ECS until their last task has ended. Without this right a destroy waits for tasks that no longer exist.
  depends_on = [aws_iam_role_policy.instance]
}

resource "aws_ecs_capacity_provider" "this" {
  name = local.service_name
  tags = var.model.tags

  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.this.arn
    managed_termination_protection = "ENABLED"
    managed_draining               = "ENABLED"

    managed_scaling {
      status                 = "ENABLED"
      target_capacity        = 100
      instance_warmup_period = 300
    }
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = [aws_ecs_capacity_provider.this.name]
}
