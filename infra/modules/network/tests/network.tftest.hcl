mock_provider "aws" {
  mock_resource "aws_vpc" {
    defaults = { id = "vpc-1" }
  }

  mock_resource "aws_vpc_endpoint" {
    defaults = { prefix_list_id = "pl-1" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vpc/amaas" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/amaas-flow-log" }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"], zone_ids = ["euc1-az2", "euc1-az3", "euc1-az1"] }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = {
      partition          = "aws"
      reverse_dns_prefix = "com.amazonaws"
    }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  name = "amaas"
}

run "subnets_and_endpoints" {
  assert {
    condition = alltrue([
      aws_vpc.this.cidr_block == "10.64.0.0/20",
      aws_vpc.this.enable_dns_support && aws_vpc.this.enable_dns_hostnames,
      { for zone, subnet in aws_subnet.this : zone => subnet.cidr_block } == { eu-central-1a = "10.64.0.0/22", eu-central-1b = "10.64.4.0/22" },
      keys(aws_route_table_association.this) == ["eu-central-1a", "eu-central-1b"],
      length(output.subnet_ids) == 2,
      output.vpc_id == "vpc-1",
    ])
    error_message = "There must be a subnet in each of the first two zones, a quarter of the range each."
  }

  assert {
    condition = alltrue([
      { for service, endpoint in aws_vpc_endpoint.gateway : service => endpoint.service_name } == { dynamodb = "com.amazonaws.eu-central-1.dynamodb", s3 = "com.amazonaws.eu-central-1.s3" },
      { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.service_name } == { kms = "com.amazonaws.eu-central-1.kms" },
      alltrue([for endpoint in aws_vpc_endpoint.gateway : endpoint.vpc_endpoint_type == "Gateway" && endpoint.route_table_ids == toset([aws_route_table.this.id])]),
      alltrue([for endpoint in aws_vpc_endpoint.interface : alltrue([
        endpoint.vpc_endpoint_type == "Interface",
        endpoint.private_dns_enabled,
        endpoint.security_group_ids == toset([aws_security_group.endpoints.id]),
        endpoint.subnet_ids == toset(output.subnet_ids),
      ])]),
      keys(output.endpoints) == ["dynamodb", "kms", "s3"],
    ])
    error_message = "The three endpoints that functions need must exist in every zone, and no others."
  }
}

run "no_way_out" {
  assert {
    condition = alltrue([
      length(aws_default_security_group.this.ingress) + length(aws_default_security_group.this.egress) == 0,
      aws_default_security_group.this.vpc_id == "vpc-1",
      aws_vpc_security_group_egress_rule.endpoints.referenced_security_group_id == aws_security_group.endpoints.id,
      keys(aws_vpc_security_group_egress_rule.gateways) == ["dynamodb", "s3"],
      alltrue([for rule in concat([aws_vpc_security_group_egress_rule.endpoints], values(aws_vpc_security_group_egress_rule.gateways)) : alltrue([
        rule.security_group_id == aws_security_group.workload.id, rule.ip_protocol == "tcp", rule.from_port == 443, rule.to_port == 443, rule.cidr_ipv4 == null,
      ])]),
      aws_vpc_security_group_ingress_rule.workload.security_group_id == aws_security_group.endpoints.id,
      aws_vpc_security_group_ingress_rule.workload.referenced_security_group_id == aws_security_group.workload.id,
      aws_vpc_security_group_ingress_rule.workload.from_port == 443 && aws_vpc_security_group_ingress_rule.workload.to_port == 443,
    ])
    error_message = "Workloads must reach the endpoints by HTTPS and nothing else, and nothing must reach them."
  }

  assert {
    condition = alltrue([for endpoint in concat(values(aws_vpc_endpoint.gateway), values(aws_vpc_endpoint.interface)) :
    alltrue([for statement in jsondecode(endpoint.policy).Statement : statement.Condition.StringEquals["aws:PrincipalAccount"] == "123456789012"])])
    error_message = "Each endpoint must take principals of this account only."
  }

  assert {
    condition = alltrue([for endpoint in aws_vpc_endpoint.gateway :
    jsondecode(endpoint.policy).Statement[0].Condition.StringEquals["aws:ResourceAccount"] == "123456789012"])
    error_message = "Buckets and tables of other accounts must be out of reach."
  }
}

run "refused_traffic_is_logged" {
  assert {
    condition = alltrue([
      aws_flow_log.this[0].traffic_type == "REJECT",
      aws_flow_log.this[0].log_destination == "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vpc/amaas",
      aws_cloudwatch_log_group.this[0].retention_in_days == 30,
      jsondecode(aws_iam_role.flow_log[0].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012",
      flatten(jsondecode(aws_iam_role_policy.flow_log[0].policy).Statement[*].Action) == ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents", "logs:DescribeLogGroups"],
      jsondecode(aws_iam_role_policy.flow_log[0].policy).Statement[0].Resource == ["arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vpc/amaas:*"],
    ])
    error_message = "Refused traffic must be logged for thirty days by a role that can do that and nothing else."
  }
}

run "services_of_images_in_chosen_zones" {
  variables {
    cidr        = "192.168.4.0/24"
    zone_names  = ["eu-central-1c", "eu-central-1a", "eu-central-1b"]
    endpoints   = ["ecr.api", "ecr.dkr", "kms", "logs"]
    bucket_arns = ["arn:aws:s3:::models"]
    flow_logs   = null
  }

  assert {
    condition = alltrue([
      { for zone, subnet in aws_subnet.this : zone => subnet.cidr_block } == { eu-central-1c = "192.168.4.0/26", eu-central-1a = "192.168.4.64/26", eu-central-1b = "192.168.4.128/26" },
      length(data.aws_availability_zones.this) == 0,
      keys(aws_vpc_endpoint.interface) == ["ecr.api", "ecr.dkr", "kms", "logs"],
      length(aws_flow_log.this) + length(aws_cloudwatch_log_group.this) + length(aws_iam_role.flow_log) == 0,
    ])
    error_message = "Zones and endpoints must be the given ones, and null must create no flow log."
  }

  assert {
    condition = alltrue([
      { for statement in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : statement.Sid => jsonencode(statement.Resource) } == {
        Buckets     = jsonencode(["arn:aws:s3:::models", "arn:aws:s3:::models/*"])
        ImageLayers = jsonencode(["arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"])
      },
      [for statement in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : statement.Action if statement.Sid == "ImageLayers"][0] == "s3:GetObject",
    ])
    error_message = "Only the named buckets, and layers of images for reading, must be in reach."
  }
}

run "zones_without_vpc_links" {
  assert {
    condition     = toset(data.aws_availability_zones.this[0].exclude_zone_ids) == toset(["cac1-az4", "euw3-az2", "use1-az3"])
    error_message = "Zones in which AWS has no VPC links must not be taken."
  }
}

run "zones_that_the_caller_excludes" {
  variables {
    exclude_zone_ids = ["euc1-az2"]
  }

  assert {
    condition     = toset(data.aws_availability_zones.this[0].exclude_zone_ids) == toset(["euc1-az2"])
    error_message = "Zones that the caller excludes must not be taken."
  }
}

run "refuses_to_exclude_zones_by_name" {
  command = plan

  variables {
    exclude_zone_ids = ["us-east-1e"]
  }

  expect_failures = [var.exclude_zone_ids]
}

run "zones_by_id" {
  variables {
    zone_ids = ["euc1-az3", "euc1-az1"]
    roles    = { path = "/amaas/", permissions_boundary = "arn:aws:iam::123456789012:policy/boundary" }
  }

  assert {
    condition = alltrue([
      { for zone, subnet in aws_subnet.this : zone => subnet.cidr_block } == { euc1-az3 = "10.64.0.0/22", euc1-az1 = "10.64.4.0/22" },
      alltrue([for zone, subnet in aws_subnet.this : subnet.availability_zone_id == zone]),
    ])
    error_message = "Subnets must be in the zones whose ids are given, in that order."
  }

  assert {
    condition     = aws_iam_role.flow_log[0].path == "/amaas/" && aws_iam_role.flow_log[0].permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    error_message = "The role must have the path and the boundary."
  }
}

run "refuses_bad_roles" {
  command = plan

  variables {
    roles = { path = "amaas", permissions_boundary = "boundary" }
  }

  expect_failures = [var.roles]
}

run "refuses_names_for_ids" {
  command = plan

  variables {
    zone_ids = ["eu-central-1a", "eu-central-1b"]
  }

  expect_failures = [var.zone_ids]
}

run "refuses_zones_of_another_region" {
  command = plan

  variables {
    zone_ids = ["use1-az1", "use1-az2"]
  }

  expect_failures = [aws_vpc.this]
}

run "refuses_names_of_another_region_and_ids_as_names" {
  command = plan

  variables {
    zone_names = ["euc1-az1", "us-east-1a"]
  }

  expect_failures = [var.zone_names]
}

run "refuses_a_range_that_does_not_hold_its_subnets" {
  command = plan

  variables {
    name      = "A"
    cidr      = "10.64.0.0/28"
    zones     = 1
    endpoints = ["s3"]
    flow_logs = { retention_days = 0 }
  }

  expect_failures = [var.name, var.cidr, var.zones, var.endpoints, var.flow_logs]
}

run "refuses_public_addresses_and_a_zone_twice" {
  command = plan

  variables {
    cidr        = "11.0.0.0/20"
    zone_names  = ["eu-central-1a", "eu-central-1a"]
    bucket_arns = ["arn:aws:s3:::models/*"]
  }

  expect_failures = [var.cidr, var.zone_names, var.bucket_arns]
}

run "refuses_more_zones_than_there_are" {
  command = plan

  variables {
    zones = 4
  }

  expect_failures = [aws_vpc.this]
}

run "refuses_a_key_of_another_region" {
  command = plan

  variables {
    flow_logs = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/99999999-2222-3333-4444-555555555555" }
  }

  expect_failures = [var.flow_logs]
}
