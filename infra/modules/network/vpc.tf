# No internet gateway and no NAT: functions and tasks reach AWS services with an endpoint, and nothing else.
resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true # private names of endpoints need both
  enable_dns_hostnames = true
  tags                 = merge(var.tags, { Name = var.name })

  lifecycle {
    precondition {
      condition     = var.zone_names != null || var.zone_ids != null || length(local.zones) == var.zones
      error_message = "zones is ${var.zones}, and this region has ${length(local.zones)} beside those of exclude_zone_ids (${join(", ", var.exclude_zone_ids)}): write that number, or another region, or exclude_zone_ids = [] if no zone needs a VPC link or Lambda."
    }

    precondition {
      condition     = length(setsubtract(coalesce(var.zone_ids, []), flatten(data.aws_availability_zones.this[*].zone_ids))) == 0
      error_message = "zone_ids must be zones of ${data.aws_region.current.id}, which are ${join(", ", flatten(data.aws_availability_zones.this[*].zone_ids))}: write two of them, not ${join(", ", setsubtract(coalesce(var.zone_ids, []), flatten(data.aws_availability_zones.this[*].zone_ids)))}."
    }
  }
}

resource "aws_subnet" "this" {
  for_each = { for index, zone in local.zones : zone => index }

  vpc_id               = aws_vpc.this.id
  availability_zone    = var.zone_ids == null ? each.key : null
  availability_zone_id = var.zone_ids == null ? null : each.key
  cidr_block           = cidrsubnet(var.cidr, local.subnet_bits, each.value)
  tags                 = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

# One route table for all zones: their routes to the gateway endpoints are the same.
resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id
  tags   = merge(var.tags, { Name = var.name })
}

resource "aws_route_table_association" "this" {
  for_each = aws_subnet.this

  subnet_id      = each.value.id
  route_table_id = aws_route_table.this.id
}

data "aws_availability_zones" "this" {
  #checkov:skip=CKV_AWS_394:the module uses the first zones, and AWS adds new zones after them; zone_ids pins them
  count = var.zone_names == null ? 1 : 0

  state            = "available"
  exclude_zone_ids = var.zone_ids == null ? var.exclude_zone_ids : null

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"] # no local zones, which have few services
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  available = flatten(data.aws_availability_zones.this[*].names)

  zones = var.zone_ids != null ? var.zone_ids : var.zone_names != null ? var.zone_names : slice(local.available, 0, min(var.zones, length(local.available)))

  # Ranges for four subnets, so that another zone does not move existing subnets.
  subnet_bits = 2
}
