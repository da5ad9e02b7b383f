data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  account   = data.aws_caller_identity.current.account_id

  # Account, region and repository of an image in ECR; an image elsewhere is pulled without a right of AWS's.
  repositories = regexall("^([0-9]{12})[.]dkr[.]ecr[.]([a-z0-9-]+)[.]amazonaws[.]com(?:[.]cn)?/([a-z0-9._/-]+)@", var.image)

  readable = ["models/${var.model}/*", "blobs/sha256/*", "sealing/${var.model}.json"]
}

# What the model's program may do: as much as it may as a function.
resource "aws_iam_role" "task" {
  name                 = "${local.service_name}-task"
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary
  description          = "What the amaas model ${var.model} may do"
  assume_role_policy   = jsonencode(local.trust_tasks)
  tags                 = var.tags
}

resource "aws_iam_role_policy" "task" {
  name   = "serve"
  role   = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.serve, local.use_ledger, local.open_table) })
}

# What ECS may do to start it.
resource "aws_iam_role" "execution" {
  name                 = "${local.service_name}-start"
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary
  description          = "What ECS may do to start the amaas model ${var.model}"
  assume_role_policy   = jsonencode(local.trust_tasks)
  tags                 = var.tags
}

resource "aws_iam_role_policy" "execution" {
  name   = "start"
  role   = aws_iam_role.execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.log, local.pull) })
}

# What the instances may do: be instances of this cluster.
resource "aws_iam_role" "instance" {
  name                 = "${local.service_name}-host"
  path                 = var.roles.path
  permissions_boundary = var.roles.permissions_boundary
  description          = "What the instances of ${local.service_name} may do"
  tags                 = var.tags

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
  name = "${local.service_name}-host"
  path = var.roles.path
  role = aws_iam_role.instance.name
  tags = var.tags
}

resource "aws_iam_role_policy" "instance" {
  name   = "join"
  role   = aws_iam_role.instance.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.join })
}

locals {
  trust_tasks = {
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

  serve = [
    {
      Sid      = "ReadModel"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = [for key in local.readable : "${var.registry.bucket_arn}/${key}"]
    },
    {
      # Without it S3 answers 403, not 404, for an object that does not exist, and a model that is not published yet would look forbidden. No
      # document of AWS says what s3:prefix is while S3 decides that, so there is no condition. It opens names of objects, not what is in them.
      Sid      = "TellMissingFromForbidden"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [var.registry.bucket_arn]
    },
    {
      Sid       = "DecryptModel"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [var.registry.kms_key_arn]
      Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${data.aws_partition.current.dns_suffix}" } }
    },
    {
      # Keys that were wrapped for another model stay closed.
      Sid       = "OpenWhatIsSealedForThisModel"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [var.registry.sealing_key_arn]
      Condition = { StringEquals = { "kms:EncryptionContext:model" = var.model } }
    },
    {
      # One secret for all functions of the ledger, without which no key that is kept there can be recognised, and what the records of
      # keys, tenants and prices are verified with. What signs them, (ledger) authority, is for those who administer the ledger.
      Sid      = "OpenTheLedgersSecrets"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [var.registry.sealing_key_arn]
      Condition = {
        StringEquals = {
          "kms:EncryptionContext:model" = "(ledger)"
          "kms:EncryptionContext:key"   = ["secret", "verifier"]
        }
      }
    },
  ]

  # By key, or one partition in order; nothing scans. Who may call is read and never written. What functions write of calls is each
  # tenant's, whatever function it called, but for what is one model's alone.
  use_ledger = [for name, right in {
    ReadAccounts = {
      actions    = ["dynamodb:GetItem"]
      partitions = ["key/*", "ledger", "prices", "tenants"]
    }
    RememberCalls = {
      actions    = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      partitions = ["call/*"]
    }
    RememberForThisModel = {
      actions    = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      partitions = ["alias/${var.model}", "sealing/${var.model}", "seen/${var.model}/*"]
    }
    TakeOfLimits = {
      actions    = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
      partitions = ["quota/*"]
    }
    WriteUsage = {
      actions    = ["dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
      partitions = ["usage-sum/*", "usage/*"]
    }
    } : {
    Sid       = name
    Effect    = "Allow"
    Action    = right.actions
    Resource  = [var.ledger.table_arn]
    Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = right.partitions } }
  }]

  open_table = [for key in var.ledger.kms_key_arn[*] : {
    Sid       = "OpenTheTable"
    Effect    = "Allow"
    Action    = ["kms:Decrypt"]
    Resource  = [key]
    Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}" } }
  }]

  log = [{
    Sid      = "WriteLogs"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }]

  pull = flatten([for repository in local.repositories : [
    {
      Sid      = "PullTheImage"
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = ["arn:${local.partition}:ecr:${repository[1]}:${repository[0]}:repository/${repository[2]}"]
    },
    {
      # ECR knows no resource for it.
      Sid      = "LogInToEcr"
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = ["*"]
    },
  ]])

  # What ECS's agent asks, of AmazonEC2ContainerServiceforEC2Role no more: no other cluster, no pulls, no logs, no tags.
  join = [
    {
      Sid      = "BelongToTheCluster"
      Effect   = "Allow"
      Action   = ["ecs:DeregisterContainerInstance", "ecs:RegisterContainerInstance", "ecs:SubmitAttachmentStateChanges", "ecs:SubmitContainerStateChange", "ecs:SubmitTaskStateChange"]
      Resource = [aws_ecs_cluster.this.arn]
    },
    {
      Sid       = "HearOfTasks"
      Effect    = "Allow"
      Action    = ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"]
      Resource  = ["arn:${local.partition}:ecs:${local.region}:${local.account}:container-instance/${local.service_name}/*"]
      Condition = { ArnEquals = { "ecs:cluster" = aws_ecs_cluster.this.arn } }
    },
    {
      # Asked before there is an instance to name.
      Sid      = "FindEcs"
      Effect   = "Allow"
      Action   = ["ecs:DiscoverPollEndpoint"]
      Resource = ["*"]
    },
  ]
}
