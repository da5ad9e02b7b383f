data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  account   = data.aws_caller_identity.current.account_id

  # Account, region and repository of an image in ECR. Other registries need no IAM rights.
  repositories = regexall("^([0-9]{12})[.]dkr[.]ecr[.]([a-z0-9-]+)[.]amazonaws[.]com(?:[.]cn)?/([a-z0-9._/-]+)@", var.image)
}

# Role of the model's program, with the same statements as a function.
resource "aws_iam_role" "task" {
  name                 = "${local.service_name}-task"
  path                 = var.model.roles.path
  permissions_boundary = var.model.roles.permissions_boundary
  description          = "Role of the amaas model ${var.model.name}"
  assume_role_policy   = jsonencode(local.task_trust)
  tags                 = var.model.tags
}

resource "aws_iam_role_policy" "task" {
  name   = "serve"
  role   = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = var.model.statements })
}

# Task execution role, with which ECS starts tasks.
resource "aws_iam_role" "execution" {
  name                 = "${local.service_name}-execution"
  path                 = var.model.roles.path
  permissions_boundary = var.model.roles.permissions_boundary
  description          = "Task execution role of the amaas model ${var.model.name}"
  assume_role_policy   = jsonencode(local.task_trust)
  tags                 = var.model.tags
}

resource "aws_iam_role_policy" "execution" {
  name   = "execution"
  role   = aws_iam_role.execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.write_logs, local.pull_image) })
}

# Container instance role, for this cluster only.
resource "aws_iam_role" "instance" {
  name                 = "${local.service_name}-instance"
  path                 = var.model.roles.path
  permissions_boundary = var.model.roles.permissions_boundary
  description          = "Container instance role of ${local.service_name}"
  tags                 = var.model.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Instance"
      Effect    = "Allow"
      Principal = { Service = "ec2.${data.aws_partition.current.dns_suffix}" }
      Action    = ["sts:AssumeRole"]
    }]
  })
}

resource "aws_iam_instance_profile" "instance" {
  name = "${local.service_name}-instance"
  path = var.model.roles.path
  role = aws_iam_role.instance.name
  tags = var.model.tags
}

resource "aws_iam_role_policy" "instance" {
  name   = "instance"
  role   = aws_iam_role.instance.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.register_instance })
}

locals {
  task_trust = {
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Tasks"
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = ["sts:AssumeRole"]
      Condition = {
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.region}:${local.account}:*" }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }]
  }

  write_logs = [{
    Sid      = "WriteLogs"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }]

  pull_image = flatten([for repository in local.repositories : [
    {
      Sid      = "PullImage"
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = ["arn:${local.partition}:ecr:${repository[1]}:${repository[0]}:repository/${repository[2]}"]
    },
    {
      # The action has no resources.
      Sid      = "GetEcrToken"
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = ["*"]
    },
  ]])

  # Actions of the ECS agent: a part of AmazonEC2ContainerServiceforEC2Role, without other clusters, pulls, logs and tags.
  register_instance = [
    {
      Sid      = "RegisterInstance"
      Effect   = "Allow"
      Action   = ["ecs:DeregisterContainerInstance", "ecs:RegisterContainerInstance", "ecs:SubmitAttachmentStateChanges", "ecs:SubmitContainerStateChange", "ecs:SubmitTaskStateChange"]
      Resource = [aws_ecs_cluster.this.arn]
    },
    {
      Sid       = "PollTasks"
      Effect    = "Allow"
      Action    = ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"]
      Resource  = ["arn:${local.partition}:ecs:${local.region}:${local.account}:container-instance/${local.service_name}/*"]
      Condition = { ArnEquals = { "ecs:cluster" = aws_ecs_cluster.this.arn } }
    },
    {
      # The agent calls it before the instance is registered.
      Sid      = "DiscoverPollEndpoint"
      Effect   = "Allow"
      Action   = ["ecs:DiscoverPollEndpoint"]
      Resource = ["*"]
    },
  ]
}
