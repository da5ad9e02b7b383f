//! `amaas estimate`: what a model costs a month on AWS, before anything is applied.
//!
//! Quantities come from what the functions' code does with a call (`usage_profile`), prices from one data file (`prices.json`), each with its
//! date and its public page. Nothing is asked of AWS. What is left out on purpose: volume tiers beyond the first, savings plans, taxes.

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

use self::assumption::Assumption;
use self::function::{FreeTier, FunctionLoad};
use self::gpu::GpuComparison;
use self::line::LineItem;
use self::plan::Plan;
use self::prices::{BUILT_IN, Prices};
use self::report::Report;
use self::summary::Summary;
use self::usage_profile::UsageProfile;
use crate::architecture::Architecture;
use crate::arguments::{EntryPoint, Estimate};
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, estimate: &Estimate) -> Result<(), CliError> {
    if estimate.show_prices {
        return output::line(BUILT_IN.trim_end());
    }
    let report = match &estimate.plan {
        Some(path) => stack::report(estimate, &Plan::read(path)?)?,
        None => of_flags(estimate)?,
    };
    match (settings.json, estimate.summary) {
        (true, true) => output::json(&Summary::of(&report)),
        (true, false) => output::json(&report),
        (false, true) => output::line(text::summary(&Summary::of(&report))),
        (false, false) => output::line(text::of(&report)),
    }
}

/// One function as the flags describe it, and what `infra/` makes around it where nobody says otherwise.
fn of_flags(estimate: &Estimate) -> Result<Report, CliError> {
    let prices = Prices::of_region(estimate, estimate.region.as_deref().unwrap_or(REGION))?;
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
    let mut report = Report::new(&prices, function.calls, lines, gpu);
    report.assume(&profile.assumptions(std::slice::from_ref(&function)));
    report.assume(&Assumption::rotation(KEYS, prices.of("kms.keys")?));
    report.assume(&Assumption::general(estimate));
    Ok(report)
}

fn described(estimate: &Estimate) -> Result<FunctionLoad, CliError> {
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
        // What is never called takes no time.
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

/// Where most prices are known for.
const REGION: &str = "us-east-1";
/// What `infra/` gives a model where nobody says otherwise.
const MEMORY_MB: f64 = 1024.0;
const EPHEMERAL_MB: f64 = 512.0;
const RETENTION_DAYS: f64 = 30.0;
/// The registry's and the one for sealing, both of which rotate.
const KEYS: f64 = 2.0;
