resource "aws_vpc_endpoint" "gateway" {
  for_each = local.gateways

  vpc_id            = aws_vpc.this.id
  service_name      = "${local.prefix}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.this.id]
  policy            = jsonencode({ Version = "2012-10-17", Statement = each.value })
  tags              = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_vpc_endpoint" "interface" {
  for_each = toset(concat(["kms"], var.endpoints))

  vpc_id              = aws_vpc.this.id
  service_name        = "${local.prefix}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for subnet in aws_subnet.this : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
  tags                = merge(var.tags, { Name = "${var.name}-${each.key}" })

  # The endpoints of the ECS agent support no policy.
  policy = contains(["ecs-agent", "ecs-telemetry"], each.key) ? null : jsonencode({ Version = "2012-10-17", Statement = [local.interface_policy] })
}

locals {
  region     = data.aws_region.current.id
  partition  = data.aws_partition.current.partition
  account_id = data.aws_caller_identity.current.account_id
  prefix     = "${data.aws_partition.current.reverse_dns_prefix}.${local.region}"

  # Endpoints refuse credentials of other accounts, so data cannot leave with them. Principals of this account are limited by their own policies.
  own_principals = { "aws:PrincipalAccount" = local.account_id }

  # Data could also leave into a bucket or table of another account.
  own_resources = merge(local.own_principals, { "aws:ResourceAccount" = local.account_id })

  interface_policy = {
    Sid       = "PrincipalsOfThisAccount"
    Effect    = "Allow"
    Principal = "*"
    Action    = "*"
    Resource  = "*"
    Condition = { StringEquals = local.own_principals }
  }

  gateways = {
    dynamodb = [{
      Sid       = "TablesOfThisAccount"
      Effect    = "Allow"
      Principal = "*"
      Action    = "dynamodb:*"
      Resource  = "*"
      Condition = { StringEquals = local.own_resources }
    }]

    s3 = concat(
      [{
        Sid       = "Buckets"
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:*"
        Resource  = length(var.bucket_arns) == 0 ? ["*"] : flatten([for arn in var.bucket_arns : [arn, "${arn}/*"]])
        Condition = { StringEquals = length(var.bucket_arns) == 0 ? local.own_resources : local.own_principals }
      }],
      # ECR has image layers in its own bucket and signs their URLs itself, so the principal is not of this account.
      [for bucket in ["prod-${local.region}-starport-layer-bucket"] : {
        Sid       = "ImageLayers"
        Effect    = "Allow"
        Principal = "*"
        Action    = "s3:GetObject"
        Resource  = ["arn:${local.partition}:s3:::${bucket}/*"]
      } if contains(var.endpoints, "ecr.dkr")],
    )
  }
}
