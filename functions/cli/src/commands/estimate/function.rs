//! A function, and what its calls cost a month.

use super::line::LineItem;
use super::prices::Prices;
use super::usage_profile::{RECORD_BYTES, RECORD_DAYS, RESPONSE_DAYS, UsageProfile};
use super::{lambda, ledger, platform};
use crate::architecture::Architecture;
use crate::arguments::Estimate;
use crate::error::CliError;

/// A function and its calls in a month.
#[derive(Clone, Debug)]
pub(super) struct FunctionLoad {
    /// Its address in the plan, or a name for it.
    pub(super) address: String,
    pub(super) memory_mb: f64,
    pub(super) architecture: Architecture,
    pub(super) ephemeral_mb: f64,
    /// Environments that are kept ready.
    pub(super) provisioned: f64,
    /// Environments start from a snapshot.
    pub(super) snap_start: bool,
    pub(super) tracing: bool,
    /// Its answers go to `CloudFront`, which sends them on.
    pub(super) behind_cloudfront: bool,
    /// How long logs are kept; for ever where nobody says.
    pub(super) retention_days: Option<f64>,
    pub(super) calls: f64,
    pub(super) p50_ms: f64,
}

/// What Lambda gives an account for nothing, as far as it is left.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FreeTier {
    pub(super) requests: f64,
    pub(super) gigabyte_seconds: f64,
}

impl FunctionLoad {
    /// What its calls cost, by service.
    pub(super) fn lines(
        &self,
        profile: &UsageProfile,
        prices: &Prices,
        free: &mut FreeTier,
    ) -> Result<Vec<LineItem>, CliError> {
        let mut lines = lambda::lines(self, profile, prices, free)?;
        lines.extend(ledger::lines(self, profile, prices)?);
        lines.extend(platform::lines(self, profile, prices)?);
        Ok(lines)
    }

    /// What its calls come to in the ledger once records are as old as they get, in GB.
    pub(super) fn ledger_gigabytes(&self, profile: &UsageProfile) -> f64 {
        let a_day = self.calls * 12.0 / 365.0;
        let kept = (profile.kept_bytes() + INDEX_BYTES) * RESPONSE_DAYS;
        a_day * (RECORD_BYTES * RECORD_DAYS + kept) / GIGABYTE
    }

    /// Beginnings of environments in a month.
    pub(super) fn cold_starts(&self, profile: &UsageProfile) -> f64 {
        if self.provisioned > 0.0 { 0.0 } else { self.calls * profile.cold_share }
    }
}

impl FreeTier {
    /// All of it where it is to be subtracted.
    pub(super) fn of(estimate: &Estimate) -> Self {
        if estimate.free_tier {
            Self { requests: lambda::FREE_REQUESTS, gigabyte_seconds: lambda::FREE_GB_SECONDS }
        } else {
            Self::default()
        }
    }
}

/// What is left of `amount` when as much of `free` was taken away as there is.
pub(super) fn beyond(amount: f64, free: &mut f64) -> f64 {
    let taken = amount.min(*free);
    *free -= taken;
    amount - taken
}

/// DynamoDB counts that for each item beside its bytes.
const INDEX_BYTES: f64 = 100.0;
/// AWS bills GB of storage as 2³⁰ bytes.
pub(super) const GIGABYTE: f64 = 1_073_741_824.0;
