//! The cost of each resource of a plan: by its existence, and by the calls that pass it.

use serde_json::Value;

use super::figure::{quantity, sum, unit_price};
use super::function::{FunctionLoad, GIGABYTE};
use super::line::LineItem;
use super::plan::{PlannedResource, TerraformPlan};
use super::prices::PriceList;
use super::stack::scaled_function;
use super::usage_profile::{HOURS_PER_MONTH, UsageProfile, wire_bytes};
use super::{free, instances};
use crate::arguments::EstimateArguments;
use crate::error::CliError;

/// The cost of a resource.
#[derive(Debug)]
pub(super) enum ResourceCost {
    Lines(Vec<LineItem>),
    /// The cost at its minimum size, the additional cost at its maximum, and parts without a known price.
    Scaled {
        lines: Vec<LineItem>,
        more: Vec<LineItem>,
        unknown: Vec<String>,
    },
    /// Billed by usage, which is counted elsewhere or not at all.
    ByUse(String),
    Free,
    /// It may cost something; the price is not known.
    Unknown(String),
}

/// The context in which resources are priced.
pub(super) struct CostModel<'a> {
    pub(super) estimate: &'a EstimateArguments,
    pub(super) plan: &'a TerraformPlan,
    pub(super) prices: &'a PriceList,
    pub(super) profile: &'a UsageProfile,
    pub(super) functions: &'a [FunctionLoad],
}

impl CostModel<'_> {
    /// The cost of `resource`, without the cost of its functions' calls.
    pub(super) fn cost(&self, resource: &PlannedResource) -> Result<ResourceCost, CliError> {
        let one = |what: &str, price: &str| self.some(resource, what, 1.0, price);
        let hours = |what: &str, price: &str| self.some(resource, what, HOURS_PER_MONTH, price);
        let cost = match resource.kind.as_str() {
            "aws_kms_key" | "aws_kms_external_key" | "aws_kms_replica_key" => one("key", "kms.keys")?,
            "aws_secretsmanager_secret" => one("secret", "secrets.secrets")?,
            "aws_cloudwatch_dashboard" => one("dashboard", "dashboards")?,
            "aws_cloudwatch_composite_alarm" => one("composite alarm", "alarms.composite")?,
            "aws_cloudwatch_metric_alarm" => self.alarm(resource)?,
            "aws_cloudwatch_log_metric_filter" => one("custom metric", "metrics.custom")?,
            "aws_route53_zone" => one("zone", "route53.zones")?,
            "aws_nat_gateway" => hours("NAT gateway, data apart", "vpc.nat")?,
            "aws_eip" => hours("public IPv4 address", "vpc.public-ipv4")?,
            "aws_lb" | "aws_alb" => match resource.text("load_balancer_type").unwrap_or("application") {
                "application" => hours("application load balancer, capacity units apart", "elb.application")?,
                "network" => hours("network load balancer, capacity units apart", "elb.network")?,
                other => ResourceCost::Unknown(format!("no price is known for a load balancer of the type {other:?}")),
            },
            "aws_vpc_endpoint" => self.endpoint(resource)?,
            "aws_wafv2_web_acl" => self.web_acl(resource)?,
            "aws_dynamodb_table" => self.table(resource)?,
            "aws_apigatewayv2_api" => self.api(resource)?,
            "aws_cloudfront_distribution" => self.distribution(resource)?,
            "aws_autoscaling_group" => instances::of_group(resource, self.plan, self.prices),
            "aws_instance" => instances::of_one(resource, self.prices),
            "aws_ebs_volume" => instances::of_disk(resource, self.prices),
            "aws_ssm_parameter" if resource.text("tier") == Some("Advanced") => {
                one("parameter", "ssm.advanced-parameters")?
            }
            "aws_ssm_parameter" => ResourceCost::Free,
            "aws_ecs_service" if resource.text("launch_type") == Some("FARGATE") => {
                ResourceCost::Unknown("no price is known for Fargate".to_owned())
            }
            // The lines of its calls exist already.
            "aws_lambda_function" => ResourceCost::Lines(Vec::new()),
            "aws_ecs_cluster" if has_insights(resource) => ResourceCost::Unknown(
                "Container Insights sends custom metrics and logs, as many as there are services, tasks and instances"
                    .to_owned(),
            ),
            "aws_flow_log" => {
                ResourceCost::Unknown("it is billed by the GB that it records, which depends on the traffic".to_owned())
            }
            "aws_lambda_provisioned_concurrency_config" => self.provisioned(resource.text("function_name")),
            "aws_appautoscaling_target" if resource.text("service_namespace") == Some("lambda") => {
                self.provisioned(scaled_function(resource))
            }
            "aws_cloudwatch_log_group" => {
                ResourceCost::ByUse("what functions log is counted at their addresses".to_owned())
            }
            "aws_s3_bucket" => ResourceCost::ByUse(
                "models and their reads are counted at their functions' addresses, other objects not".to_owned(),
            ),
            "aws_sqs_queue" => self.by_use("sqs.requests"),
            "aws_sns_topic" => self.by_use("sns.requests"),
            "aws_sfn_state_machine" => self.by_use("states.transitions"),
            "aws_cloudwatch_event_bus" | "aws_cloudwatch_event_rule" | "aws_scheduler_schedule" => {
                self.by_use("events.custom")
            }
            "aws_ecr_repository" => self.by_use("ecr.storage"),
            "aws_wafv2_rule_group" => ResourceCost::ByUse("it is counted where a web ACL has it as a rule".to_owned()),
            kind if free::is_free(kind) => ResourceCost::Free,
            _ => ResourceCost::Unknown("no price is known for this type".to_owned()),
        };
        Ok(cost)
    }

    fn some(
        &self,
        resource: &PlannedResource,
        what: &str,
        quantity: f64,
        price: &str,
    ) -> Result<ResourceCost, CliError> {
        Ok(ResourceCost::Lines(vec![self.line(resource, what, quantity, price)?]))
    }

    fn line(&self, resource: &PlannedResource, what: &str, quantity: f64, price: &str) -> Result<LineItem, CliError> {
        Ok(LineItem::new(&resource.address, what, quantity, self.prices.of(price)?))
    }

    /// A resource billed by usage that is not known.
    fn by_use(&self, price: &str) -> ResourceCost {
        match self.prices.known(price) {
            Some(price) => {
                ResourceCost::ByUse(format!("USD {}, not counted", unit_price(price.usd, price.per, &price.unit)))
            }
            None => ResourceCost::Unknown("no price is known for this type".to_owned()),
        }
    }

    /// An alarm is billed by the metrics that it reads. It costs more if its period is shorter than a minute.
    fn alarm(&self, alarm: &PlannedResource) -> Result<ResourceCost, CliError> {
        let queries = alarm.blocks("metric_query");
        let metrics: Vec<_> = queries.iter().filter_map(|query| query.pointer("/metric/0")).collect();
        let periods = metrics.iter().filter_map(|metric| metric.get("period")?.as_f64()).chain(alarm.number("period"));
        let quick = periods.fold(f64::MAX, f64::min) < 60.0;
        let (what, price) =
            if quick { ("high-resolution alarm", "alarms.high-resolution") } else { ("alarm", "alarms.standard") };
        self.some(alarm, what, lossless(metrics.len().max(1)), price)
    }

    /// An interface endpoint is billed for each availability zone in which it has a subnet.
    fn endpoint(&self, endpoint: &PlannedResource) -> Result<ResourceCost, CliError> {
        match endpoint.text("vpc_endpoint_type").unwrap_or("Gateway") {
            "Gateway" => Ok(ResourceCost::Free),
            "Interface" => {
                let subnets = endpoint.list("subnet_ids").map(Vec::len).filter(|subnets| *subnets > 0);
                let zones = subnets.map_or(self.estimate.zones.0, lossless);
                let what = format!("interface endpoint in {} zones, data apart", quantity(zones));
                self.some(endpoint, &what, zones * HOURS_PER_MONTH, "vpc.endpoints")
            }
            other => Ok(ResourceCost::Unknown(format!("no price is known for an endpoint of the type {other:?}"))),
        }
    }

    fn web_acl(&self, acl: &PlannedResource) -> Result<ResourceCost, CliError> {
        let rules = lossless(acl.blocks("rule").len());
        let calls = self.share("aws_wafv2_web_acl", |_| true);
        Ok(ResourceCost::Lines(vec![
            self.line(acl, "web ACL", 1.0, "waf.acls")?,
            self.line(acl, "rules", rules, "waf.rules")?,
            self.line(acl, "requests", calls, "waf.requests")?,
        ]))
    }

    /// The cost of the ledger is counted at its table.
    fn table(&self, table: &PlannedResource) -> Result<ResourceCost, CliError> {
        let mut lines = Vec::new();
        if table.text("billing_mode") == Some("PROVISIONED") {
            for (what, capacity, price) in [
                ("write capacity", "write_capacity", "dynamodb.wcu"),
                ("read capacity", "read_capacity", "dynamodb.rcu"),
            ] {
                lines.push(self.line(
                    table,
                    what,
                    table.number(capacity).unwrap_or_default() * HOURS_PER_MONTH,
                    price,
                )?);
            }
        }
        if self.ledger().is_some_and(|ledger| ledger.address == table.address) {
            let gigabytes = self.ledger_gigabytes();
            lines.push(self.line(table, "ledger storage", gigabytes, "dynamodb.storage")?);
            if table.at("/point_in_time_recovery/0/enabled").and_then(Value::as_bool) == Some(true) {
                lines.push(self.line(table, "point-in-time recovery", gigabytes, "dynamodb.pitr")?);
            }
        }
        Ok(if lines.is_empty() { self.by_use("dynamodb.storage") } else { ResourceCost::Lines(lines) })
    }

    /// The ledger's table. A function's table is not known before the apply, so it is the only table or the one named like it.
    pub(super) fn ledger(&self) -> Option<&PlannedResource> {
        let tables = || self.plan.resources.iter().filter(|resource| resource.kind == "aws_dynamodb_table");
        let called = tables().find(|table| table.text("name").unwrap_or(&table.address).contains("ledger"));
        called.or_else(|| tables().next().filter(|_| tables().count() == 1))
    }

    /// The ledger cost of the calls of all functions.
    pub(super) fn ledger_gigabytes(&self) -> f64 {
        sum(self.functions.iter().map(|function| function.ledger_gigabytes(self.profile)))
    }

    fn api(&self, api: &PlannedResource) -> Result<ResourceCost, CliError> {
        let is_http = |api: &PlannedResource| api.text("protocol_type").unwrap_or("HTTP") == "HTTP";
        if !is_http(api) {
            return Ok(ResourceCost::Unknown("no price is known for a WebSocket API".to_owned()));
        }
        let requests = self.profile.api_requests(self.share("aws_apigatewayv2_api", is_http));
        self.some(api, "HTTP API requests", requests, "api.http")
    }

    fn distribution(&self, distribution: &PlannedResource) -> Result<ResourceCost, CliError> {
        let calls = self.share("aws_cloudfront_distribution", |_| true);
        let sent = calls * wire_bytes(self.profile.response_bytes) / GIGABYTE;
        Ok(ResourceCost::Lines(vec![
            self.line(distribution, "HTTPS requests", calls, "cloudfront.requests")?,
            self.line(distribution, "data transfer out", sent, "cloudfront.transfer")?,
        ]))
    }

    fn provisioned(&self, function: Option<&str>) -> ResourceCost {
        let counted = function.is_some_and(|name| {
            self.plan
                .resources
                .iter()
                .any(|other| other.kind == "aws_lambda_function" && other.text("function_name") == Some(name))
        });
        if counted {
            ResourceCost::ByUse("it is counted at its function's address".to_owned())
        } else {
            ResourceCost::Unknown("which function it is for is not known before the apply".to_owned())
        }
    }

    /// The calls that pass a resource of `kind`: all calls, or an even share if there are several such resources.
    fn share(&self, kind: &str, counts: impl Fn(&PlannedResource) -> bool) -> f64 {
        let number = self.plan.resources.iter().filter(|resource| resource.kind == kind && counts(resource)).count();
        sum(self.functions.iter().map(|function| function.calls)) / lossless(number.max(1))
    }
}

/// Whether Container Insights is on for a cluster.
fn has_insights(cluster: &PlannedResource) -> bool {
    let settings = cluster.blocks("setting");
    let insights =
        settings.iter().find(|setting| setting.get("name").and_then(Value::as_str) == Some("containerInsights"));
    insights.is_some_and(|insights| insights.get("value").and_then(Value::as_str) != Some("disabled"))
}

/// A length as a number: no list is long enough to lose precision.
#[allow(clippy::cast_precision_loss)]
fn lossless(length: usize) -> f64 {
    length as f64
}
