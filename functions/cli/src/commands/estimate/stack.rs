//! The monthly cost of a Terraform plan: functions by their calls, every other resource by its existence.

use std::collections::BTreeMap;

use serde_json::Value;

use super::assumption::CostAssumption;
use super::figure::sum;
use super::function::{FreeTier, FunctionLoad};
use super::gpu::GpuComparison;
use super::line::LineItem;
use super::plan::{PlannedResource, TerraformPlan, as_number};
use super::prices::PriceList;
use super::report::{CostReport, UnpricedResource};
use super::resource::{CostModel, ResourceCost};
use super::usage_profile::UsageProfile;
use super::{EPHEMERAL_MB, MEMORY_MB};
use crate::architecture::Architecture;
use crate::arguments::{EstimateArguments, PerModel};
use crate::error::CliError;

/// The estimate of `plan`.
pub(super) fn report(estimate: &EstimateArguments, plan: &TerraformPlan) -> Result<CostReport, CliError> {
    let region = estimate.region.as_deref().or(plan.region.as_deref()).ok_or_else(|| {
        CliError::usage("the plan does not have the region of its AWS provider").hint("write it: --region us-east-1")
    })?;
    let prices = PriceList::of_region(estimate, region)?;
    let profile = UsageProfile::of(estimate);
    let functions = functions(estimate, plan)?;
    let calls = sum(functions.iter().map(|function| function.calls));

    let mut lines = Vec::new();
    let mut free = FreeTier::of(estimate);
    for function in &functions {
        let of_it = function.lines(&profile, &prices, &mut free)?;
        lines.extend(of_it.into_iter().map(|line| line.at(&function.address)));
    }
    let around = CostModel { estimate, plan, prices: &prices, profile: &profile, functions: &functions };
    if around.ledger().is_none() {
        let price = prices.of("dynamodb.storage")?;
        lines.push(LineItem::new("(a ledger outside of the plan)", "ledger storage", around.ledger_gigabytes(), price));
    }
    let (mut more, mut by_use, mut nothing, mut unknown) = (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
    for resource in &plan.resources {
        match around.cost(resource)? {
            ResourceCost::Lines(of_it) => lines.extend(of_it),
            ResourceCost::Scaled { lines: of_it, more: at_most, unknown: parts } => {
                lines.extend(of_it);
                more.extend(at_most);
                unknown.extend(parts.into_iter().map(|why| UnpricedResource::of(resource, why)));
            }
            ResourceCost::ByUse(why) => by_use.push(UnpricedResource::of(resource, why)),
            ResourceCost::Free => *nothing.entry(resource.kind.clone()).or_insert(0) += 1,
            ResourceCost::Unknown(why) => unknown.push(UnpricedResource::of(resource, why)),
        }
    }
    let gpu = GpuComparison::compare(estimate, &functions, &prices)?;
    let mut report = CostReport::new(&prices, calls, lines, gpu);
    report.mention(more, by_use, nothing, unknown);
    report.assume(&profile.assumptions(&functions));
    report.assume(&of_plan());
    let rotating = plan.resources.iter().filter(|resource| rotates(resource)).map(|_| 1.0);
    report.assume(&CostAssumption::rotation(sum(rotating), prices.of("kms.keys")?));
    report.assume(&CostAssumption::general(estimate));
    Ok(report)
}

/// The functions of the plan, with their calls.
fn functions(estimate: &EstimateArguments, plan: &TerraformPlan) -> Result<Vec<FunctionLoad>, CliError> {
    let resources: Vec<_> = plan.resources.iter().filter(|resource| resource.kind == "aws_lambda_function").collect();
    let names: Vec<_> = resources.iter().map(|resource| names(resource)).collect();
    check(&estimate.calls, "--calls", &names)?;
    check(&estimate.p50_ms, "--p50-ms", &names)?;
    let mut functions = Vec::new();
    for (resource, (model, name)) in resources.iter().zip(&names) {
        let calls =
            of(&estimate.calls, model, name).ok_or_else(|| missing("--calls", model, "1e6", "calls a month"))?.0;
        let p50 = of(&estimate.p50_ms, model, name);
        if calls > 0.0 && p50.is_none() {
            return Err(missing("--p50-ms", model, "12", "milliseconds that Lambda bills of a call"));
        }
        // It does not matter without calls.
        let p50_ms = p50.map_or(1.0, |time| time.0);
        functions.push(function(resource, plan, calls, p50_ms)?);
    }
    Ok(functions)
}

fn function(
    resource: &PlannedResource,
    plan: &TerraformPlan,
    calls: f64,
    p50_ms: f64,
) -> Result<FunctionLoad, CliError> {
    let within = |name: &str, value: Option<f64>, usual: f64, least: f64| {
        let value = value.unwrap_or(usual);
        if (least..=10_240.0).contains(&value) {
            return Ok(value);
        }
        let address = &resource.address;
        Err(CliError::usage(format!(
            "{address}: expected {name} from {least} to 10240 MB, which is what Lambda gives, got {value}"
        ))
        .hint("change it in the configuration and plan again"))
    };
    let architecture = match resource.at("/architectures/0").and_then(Value::as_str) {
        Some("arm64") => Architecture::Arm64,
        None | Some("x86_64") => Architecture::X86_64,
        Some(other) => {
            return Err(CliError::usage(format!(
                "{}: expected architectures x86_64 or arm64, got {other:?}",
                resource.address
            ))
            .hint("change it in the configuration and plan again"));
        }
    };
    let ephemeral = resource.at("/ephemeral_storage/0/size").and_then(as_number);
    Ok(FunctionLoad {
        address: resource.address.clone(),
        memory_mb: within("memory_size", resource.number("memory_size"), MEMORY_MB, 128.0)?,
        architecture,
        ephemeral_mb: within("ephemeral_storage", ephemeral, EPHEMERAL_MB, 512.0)?,
        provisioned: provisioned(resource, plan),
        snap_start: resource.at("/snap_start/0/apply_on").and_then(Value::as_str) == Some("PublishedVersions"),
        tracing: resource.at("/tracing_config/0/mode").and_then(Value::as_str) == Some("Active"),
        behind_cloudfront: plan.resources.iter().any(|resource| resource.kind == "aws_cloudfront_distribution"),
        retention_days: retention(resource, plan),
        calls,
        p50_ms,
    })
}

/// The model that a function serves, and the function's name. If a part of its environment is not known before the apply, none is.
fn names(function: &PlannedResource) -> (String, String) {
    let name = function.text("function_name").unwrap_or(&function.address);
    let of_environment = function.at("/environment/0/variables/AMAAS_MODEL").and_then(Value::as_str);
    let of_tag = || ["tags", "tags_all"].iter().find_map(|tags| function.at(&format!("/{tags}/amaas:model"))?.as_str());
    (of_environment.or_else(of_tag).unwrap_or(name).to_owned(), name.to_owned())
}

/// The provisioned environments of the function: the fixed number, or the minimum if it is scaled.
fn provisioned(function: &PlannedResource, plan: &TerraformPlan) -> f64 {
    let Some(name) = function.text("function_name") else { return 0.0 };
    let ready = |resource: &PlannedResource| match &*resource.kind {
        "aws_lambda_provisioned_concurrency_config" if resource.text("function_name") == Some(name) => {
            resource.number("provisioned_concurrent_executions")
        }
        "aws_appautoscaling_target" if scaled_function(resource) == Some(name) => resource.number("min_capacity"),
        _ => None,
    };
    // A scaled function has both, with the same number.
    plan.resources.iter().filter_map(ready).fold(0.0, f64::max)
}

/// The function whose environments a target of Application Auto Scaling scales: its id is `function:NAME:ALIAS`.
pub(super) fn scaled_function(target: &PlannedResource) -> Option<&str> {
    let (name, _alias) = target.text("resource_id")?.strip_prefix("function:")?.rsplit_once(':')?;
    Some(name)
}

/// The retention of the function's logs. The log group is found by its name.
fn retention(function: &PlannedResource, plan: &TerraformPlan) -> Option<f64> {
    let name = format!("/aws/lambda/{}", function.text("function_name")?);
    let mut groups = plan.resources.iter().filter(|resource| resource.kind == "aws_cloudwatch_log_group");
    groups.find(|group| group.text("name") == Some(&name))?.number("retention_in_days")
}

/// Whether it is a KMS key that is rotated.
fn rotates(key: &PlannedResource) -> bool {
    key.kind == "aws_kms_key" && key.at("/enable_key_rotation").and_then(Value::as_bool) == Some(true)
}

/// The value for a function: by the function's name, by its model's name, or the one for all.
fn of<T: Copy>(values: &[PerModel<T>], model: &str, name: &str) -> Option<T> {
    let of = |asked: Option<&str>| {
        values.iter().rev().find(|value| value.model.as_deref() == asked).map(|value| value.value)
    };
    of(Some(name)).or_else(|| of(Some(model))).or_else(|| of(None))
}

/// Refuses values for models that no function serves, or that several functions serve.
fn check<T>(values: &[PerModel<T>], flag: &str, names: &[(String, String)]) -> Result<(), CliError> {
    for asked in values.iter().filter_map(|value| value.model.as_ref()) {
        let serving: Vec<_> = names.iter().filter(|(model, name)| model == asked || name == asked).collect();
        if serving.is_empty() {
            let models: Vec<_> = names.iter().map(|(model, _)| model.as_str()).collect();
            let has =
                if models.is_empty() { "has no function".to_owned() } else { format!("has {}", models.join(", ")) };
            return Err(CliError::usage(format!(
                "{flag} {asked}=… names a model that the plan does not have: it {has}"
            ))
            .hint(format!("write {flag} with one of its models, or without \"{asked}=\" for all of them")));
        }
        if serving.len() > 1 && !serving.iter().any(|(_, name)| name == asked) {
            let names: Vec<_> = serving.iter().map(|(_, name)| name.as_str()).collect();
            return Err(CliError::usage(format!("{flag} {asked}=… is of several functions: {}", names.join(", ")))
                .hint(format!("write one for each: {flag} {}=…", names.first().copied().unwrap_or_default())));
        }
    }
    Ok(())
}

fn missing(flag: &str, model: &str, such: &str, what: &str) -> CliError {
    CliError::usage(format!("{flag} is missing for {model}: {what}")).hint(format!(
        "write {flag} {model}={such}, or {flag} {such} for all models; --calls {model}=0 prices it unused"
    ))
}

fn of_plan() -> Vec<CostAssumption> {
    vec![
        CostAssumption::new(
            "what is not known before the apply",
            "as infra/ has it",
            "1024 MB of memory, 512 MB of /tmp, two zones for an interface endpoint; a function without a log group keeps logs without end, and a year of them is counted",
            Some("--zones"),
        ),
        CostAssumption::new(
            "calls",
            "come by everything",
            "each passes an HTTP API, a web ACL and a distribution of the plan; if there are several of a kind, an even share each",
            None,
        ),
        CostAssumption::new(
            "what is scaled",
            "at its least size",
            "instances on demand, and environments that stand ready, all month; what the largest size of a group of instances costs more is said apart",
            None,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use proptest::prelude::*;

    use super::*;
    use crate::arguments::{CliCommand, CommandLine};

    fn flags() -> Box<EstimateArguments> {
        let flags = "amaas estimate --plan x --calls 1e15 --p50-ms 900000 --region us-east-1";
        let CliCommand::Estimate(estimate) = CommandLine::parse_from(flags.split(' ')).command else {
            panic!("it is the command")
        };
        estimate
    }

    /// Values that may occur anywhere in a resource.
    fn odd() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            (0_u32..20_000).prop_map(Value::from),
            prop_oneof![
                "[a-z]{1,8}",
                Just("gp3".to_owned()),
                Just("g5.xlarge".to_owned()),
                Just("Interface".to_owned()),
                Just("PublishedVersions".to_owned())
            ]
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(name(), inner, 0..4)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    fn name() -> impl Strategy<Value = String> {
        let names = [
            "memory_size",
            "architectures",
            "ephemeral_storage",
            "size",
            "environment",
            "variables",
            "AMAAS_MODEL",
            "tags",
            "function_name",
            "provisioned_concurrent_executions",
            "rule",
            "metric_query",
            "metric",
            "period",
            "subnet_ids",
            "vpc_endpoint_type",
            "point_in_time_recovery",
            "enabled",
            "billing_mode",
            "min_size",
            "max_size",
            "desired_capacity",
            "launch_template",
            "name",
            "instance_type",
            "block_device_mappings",
            "ebs",
            "volume_size",
            "volume_type",
            "setting",
            "value",
            "retention_in_days",
            "snap_start",
            "apply_on",
            "enable_key_rotation",
        ];
        prop::sample::select(names.map(str::to_owned).to_vec())
    }

    fn kind() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "aws_lambda_function",
            "aws_lambda_provisioned_concurrency_config",
            "aws_cloudwatch_log_group",
            "aws_cloudwatch_metric_alarm",
            "aws_vpc_endpoint",
            "aws_wafv2_web_acl",
            "aws_dynamodb_table",
            "aws_apigatewayv2_api",
            "aws_cloudfront_distribution",
            "aws_autoscaling_group",
            "aws_launch_template",
            "aws_instance",
            "aws_ebs_volume",
            "aws_lb",
            "aws_ecs_cluster",
            "aws_flow_log",
            "aws_kms_key",
            "aws_oracle",
        ])
    }

    proptest! {
        #[test]
        fn any_resources_have_a_sum_or_an_error(
            of in prop::collection::vec((kind(), prop::collection::hash_map(name(), odd(), 0..6)), 0..6)
        ) {
            let resources: Vec<_> = of.iter().enumerate().map(|(at, (kind, values))| {
                serde_json::json!({ "address": format!("{kind}.r{at}"), "type": kind, "values": values })
            }).collect();
            let number = resources.len();
            let plan = serde_json::json!({ "planned_values": { "root_module": { "resources": resources } } }).to_string();
            let plan = TerraformPlan::parse(plan.as_bytes()).expect("it has the form of one");
            if let Ok(report) = report(&flags(), &plan) {
                prop_assert!(report.total_usd.is_finite() && report.total_usd >= 0.0);
                let mentions = report.by_use.iter().chain(&report.not_priced).map(|mention| &mention.address);
                let priced = report.lines.iter().map(|line| &line.resource).filter(|address| address.starts_with("aws_"));
                let named: std::collections::BTreeSet<_> = mentions.chain(priced).collect();
                let free = report.free.values().sum::<usize>();
                prop_assert_eq!(named.len() + free, number, "none is dropped, and none is both free and paid for");
                let by_use = report.by_use.iter().filter(|by_use| report.lines.iter().any(|line| line.resource == by_use.address));
                prop_assert_eq!(by_use.count(), 0, "none is priced and listed as not counted");
                prop_assert!(!super::super::text::of(&report).contains("NaN"));
            }
        }
    }
}
