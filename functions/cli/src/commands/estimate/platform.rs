//! The cost of calls outside Lambda and the ledger: keys, store, logs, metrics, traces and egress.

use super::function::{FunctionLoad, GIGABYTE};
use super::line::LineItem;
use super::prices::PriceList;
use super::usage_profile::{METRICS_PER_MODEL, SECONDS_PER_MONTH, UsageProfile, wire_bytes};
use crate::error::CliError;

/// The cost of calls to `function` there.
pub(super) fn lines(
    function: &FunctionLoad,
    profile: &UsageProfile,
    prices: &PriceList,
) -> Result<Vec<LineItem>, CliError> {
    let (calls, cold) = (function.calls, function.cold_starts(profile));
    // Provisioned environments have cold starts as well, if seldom.
    let begun = cold + if calls > 0.0 { function.provisioned } else { 0.0 };
    let gets = begun * profile.s3 + calls.min(profile.rounds(calls, function.p50_ms));
    let logged = calls * profile.log_bytes / GIGABYTE;
    let mut lines = vec![
        LineItem::new("KMS", "KMS requests", begun * profile.kms, prices.of("kms.requests")?),
        LineItem::new("S3", "reads of S3", gets, prices.of("s3.gets")?),
        LineItem::new("S3", "model in S3", profile.model_mb / 1024.0, prices.of("s3.storage")?),
        LineItem::new("CloudWatch", "log ingest", logged, prices.of("logs.ingest")?),
        LineItem::new("CloudWatch", "log storage", logged * months_kept(function), prices.of("logs.storage")?),
    ];
    if calls > 0.0 {
        lines.push(LineItem::new("CloudWatch", "custom metrics", METRICS_PER_MODEL, prices.of("metrics.custom")?));
    }
    if function.tracing {
        lines.push(LineItem::new("X-Ray", "traces", traces(calls), prices.of("xray.traces")?));
    }
    // Traffic to CloudFront is free; CloudFront bills what it sends on.
    if !function.behind_cloudfront {
        let sent = calls * wire_bytes(profile.response_bytes) / GIGABYTE;
        lines.push(LineItem::new("EC2", "data transfer out", sent, prices.of("transfer.internet")?));
    }
    Ok(lines)
}

/// Months of logs that are stored once the oldest expire; a year's if they are kept without end.
fn months_kept(function: &FunctionLoad) -> f64 {
    function.retention_days.filter(|days| *days > 0.0).unwrap_or(365.0) * 12.0 / 365.0
}

/// X-Ray records the first call of a second, and a twentieth of the others.
fn traces(calls: f64) -> f64 {
    let first = calls.min(SECONDS_PER_MONTH);
    first + (calls - first) / 20.0
}
