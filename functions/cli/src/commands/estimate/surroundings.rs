//! What calls cost beside Lambda and the ledger: keys, the store, logs, metrics, traces and the way out.

use super::function::{Function, GIGABYTE};
use super::habits::{Habits, METRICS, SECONDS, wire_bytes};
use super::line::Line;
use super::prices::Prices;
use crate::failure::Failure;

/// What calls to `function` cost there.
pub(super) fn lines(function: &Function, habits: &Habits, prices: &Prices) -> Result<Vec<Line>, Failure> {
    let (calls, cold) = (function.calls, function.cold_starts(habits));
    // Environments that are kept ready begin as well, if seldom.
    let begun = cold + if calls > 0.0 { function.provisioned } else { 0.0 };
    let gets = begun * habits.s3 + calls.min(habits.rounds(calls, function.p50_ms));
    let logged = calls * habits.log_bytes / GIGABYTE;
    let mut lines = vec![
        Line::new("KMS", "KMS requests", begun * habits.kms, prices.of("kms.requests")?),
        Line::new("S3", "reads of S3", gets, prices.of("s3.gets")?),
        Line::new("S3", "model in S3", habits.model_mb / 1024.0, prices.of("s3.storage")?),
        Line::new("CloudWatch", "log ingest", logged, prices.of("logs.ingest")?),
        Line::new("CloudWatch", "log storage", logged * months_kept(function), prices.of("logs.storage")?),
    ];
    if calls > 0.0 {
        lines.push(Line::new("CloudWatch", "custom metrics", METRICS, prices.of("metrics.custom")?));
    }
    if function.tracing {
        lines.push(Line::new("X-Ray", "traces", traces(calls), prices.of("xray.traces")?));
    }
    // What goes to CloudFront is not billed; CloudFront bills what it sends on.
    if !function.behind_cloudfront {
        let sent = calls * wire_bytes(habits.response_bytes) / GIGABYTE;
        lines.push(Line::new("EC2", "data transfer out", sent, prices.of("transfer.internet")?));
    }
    Ok(lines)
}

/// How many months of logs there are once the oldest go; a year's where they are kept for ever.
fn months_kept(function: &Function) -> f64 {
    function.retention_days.filter(|days| *days > 0.0).unwrap_or(365.0) * 12.0 / 365.0
}

/// Lambda records the first call of a second, and a twentieth of the others.
fn traces(calls: f64) -> f64 {
    let first = calls.min(SECONDS);
    first + (calls - first) / 20.0
}
