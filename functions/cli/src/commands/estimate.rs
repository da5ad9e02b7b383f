//! `amaas estimate`: the monthly cost of a model on AWS, before the apply.
//!
//! Quantities come from the code of functions (`usage_profile`), prices from one data file (`prices.json`) with date and public page
//! of each. It makes no AWS call. It leaves out volume tiers beyond the first, savings plans and taxes.

mod assumption;
mod figure;
mod free;
mod function;
mod gpu;
mod instances;
mod lambda;
mod ledger;
mod line;
mod plan;
mod platform;
mod prices;
mod regions;
mod report;
mod resource;
mod stack;
mod summary;
mod text;
mod usage_profile;

use self::assumption::CostAssumption;
use self::function::{FreeTier, FunctionLoad};
use self::gpu::GpuComparison;
use self::line::LineItem;
use self::plan::TerraformPlan;
use self::prices::{BUILT_IN, PriceList};
use self::report::CostReport;
use self::summary::CostSummary;
use self::usage_profile::UsageProfile;
use crate::architecture::Architecture;
use crate::arguments::{EntryPoint, EstimateArguments};
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, estimate: &EstimateArguments) -> Result<(), CliError> {
    if estimate.show_prices {
        return output::line(BUILT_IN.trim_end());
    }
    let report = match &estimate.plan {
        Some(path) => stack::report(estimate, &TerraformPlan::read(path)?)?,
        None => of_flags(estimate)?,
    };
    match (settings.json, estimate.summary) {
        (true, true) => output::json(&CostSummary::of(&report)),
        (true, false) => output::json(&report),
        (false, true) => output::line(text::summary(&CostSummary::of(&report))),
        (false, false) => output::line(text::of(&report)),
    }
}

/// One function as the flags describe it, with the defaults of `infra/` around it.
fn of_flags(estimate: &EstimateArguments) -> Result<CostReport, CliError> {
    let prices = PriceList::of_region(estimate, estimate.region.as_deref().unwrap_or(REGION))?;
    let profile = UsageProfile::of(estimate);
    let function = described(estimate)?;
    let mut free = FreeTier::of(estimate);
    let mut lines = function.lines(&profile, &prices, &mut free)?;
    let gigabytes = function.ledger_gigabytes(&profile);
    lines.push(LineItem::new("DynamoDB", "ledger storage", gigabytes, prices.of("dynamodb.storage")?));
    lines.push(LineItem::new("DynamoDB", "point-in-time recovery", gigabytes, prices.of("dynamodb.pitr")?));
    lines.push(LineItem::new("KMS", "keys: registry, sealing", KEYS, prices.of("kms.keys")?));
    if estimate.front == Some(EntryPoint::Api) {
        let requests = profile.api_requests(function.calls);
        lines.push(LineItem::new("API Gateway", "HTTP API requests", requests, prices.of("api.http")?));
    }
    let gpu = GpuComparison::compare(estimate, std::slice::from_ref(&function), &prices)?;
    let mut report = CostReport::new(&prices, function.calls, lines, gpu);
    report.assume(&profile.assumptions(std::slice::from_ref(&function)));
    report.assume(&CostAssumption::rotation(KEYS, prices.of("kms.keys")?));
    report.assume(&CostAssumption::general(estimate));
    Ok(report)
}

fn described(estimate: &EstimateArguments) -> Result<FunctionLoad, CliError> {
    let of_one = |model: Option<&String>, flag: &str| match model {
        Some(model) => Err(CliError::usage(format!("{flag} {model}=… names a model, which goes with --plan"))
            .hint(format!("write {flag} without \"{model}=\", or give the plan that has the model"))),
        None => Ok(()),
    };
    for calls in &estimate.calls {
        of_one(calls.model.as_ref(), "--calls")?;
    }
    for time in &estimate.p50_ms {
        of_one(time.model.as_ref(), "--p50-ms")?;
    }
    let (calls, p50_ms) = match (estimate.calls.as_slice(), estimate.p50_ms.as_slice()) {
        ([calls], [p50]) => (calls.value.0, p50.value.0),
        // A function without calls takes no time.
        ([calls], []) if calls.value.0 <= 0.0 => (0.0, 1.0),
        (calls, times) => {
            let (calls, times) = (calls.len(), times.len());
            return Err(CliError::usage(format!(
                "expected one --calls and one --p50-ms, got {calls} and {times}: how many calls a month, and how long one takes"
            ))
            .hint("`amaas estimate --calls 1e6 --p50-ms 12 --memory 512`, or --plan with what `terraform show -json` prints"));
        }
    };
    Ok(FunctionLoad {
        address: "Lambda".to_owned(),
        memory_mb: estimate.memory.map_or(MEMORY_MB, |memory| memory.0),
        architecture: estimate.arch.unwrap_or(Architecture::X86_64),
        ephemeral_mb: estimate.ephemeral_mb.map_or(EPHEMERAL_MB, |size| size.0),
        provisioned: estimate.provisioned.map_or(0.0, |number| number.0),
        snap_start: estimate.snap_start,
        tracing: estimate.tracing,
        behind_cloudfront: false,
        retention_days: Some(estimate.log_retention_days.map_or(RETENTION_DAYS, |days| days.0)),
        calls,
        p50_ms,
    })
}

/// The region for which most prices are known.
const REGION: &str = "us-east-1";
/// The defaults of `infra/` for a model.
const MEMORY_MB: f64 = 1024.0;
const EPHEMERAL_MB: f64 = 512.0;
const RETENTION_DAYS: f64 = 30.0;
/// The keys of the registry and of sealing; both rotate.
const KEYS: f64 = 2.0;
