//! A function, and the monthly cost of its calls.

use super::line::LineItem;
use super::prices::PriceList;
use super::usage_profile::{RECORD_BYTES, RECORD_DAYS, RESPONSE_DAYS, UsageProfile};
use super::{lambda, ledger, platform};
use crate::architecture::Architecture;
use crate::arguments::EstimateArguments;
use crate::error::CliError;

/// A function and its calls in a month.
#[derive(Clone, Debug)]
pub(super) struct FunctionLoad {
    /// Its address in the plan, or a name for it.
    pub(super) address: String,
    pub(super) memory_mb: f64,
    pub(super) architecture: Architecture,
    pub(super) ephemeral_mb: f64,
    /// Provisioned environments.
    pub(super) provisioned: f64,
    /// Whether environments start from a snapshot.
    pub(super) snap_start: bool,
    pub(super) tracing: bool,
    /// Whether its answers leave through `CloudFront`.
    pub(super) behind_cloudfront: bool,
    /// The retention of logs, in days; `None` keeps them without end.
    pub(super) retention_days: Option<f64>,
    pub(super) calls: f64,
    pub(super) p50_ms: f64,
}

/// The rest of an account's free tier.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FreeTier {
    pub(super) requests: f64,
    pub(super) gigabyte_seconds: f64,
}

impl FunctionLoad {
    /// The cost of its calls, by service.
    pub(super) fn lines(
        &self,
        profile: &UsageProfile,
        prices: &PriceList,
        free: &mut FreeTier,
    ) -> Result<Vec<LineItem>, CliError> {
        let mut lines = lambda::lines(self, profile, prices, free)?;
        lines.extend(ledger::lines(self, profile, prices)?);
        lines.extend(platform::lines(self, profile, prices)?);
        Ok(lines)
    }

    /// The storage of its calls' records in the ledger at their full age, in GB.
    pub(super) fn ledger_gigabytes(&self, profile: &UsageProfile) -> f64 {
        let a_day = self.calls * 12.0 / 365.0;
        let kept = (profile.kept_bytes() + INDEX_BYTES) * RESPONSE_DAYS;
        a_day * (RECORD_BYTES * RECORD_DAYS + kept) / GIGABYTE
    }

    /// Cold starts in a month.
    pub(super) fn cold_starts(&self, profile: &UsageProfile) -> f64 {
        if self.provisioned > 0.0 { 0.0 } else { self.calls * profile.cold_share }
    }
}

impl FreeTier {
    /// The whole free tier if it is to be subtracted.
    pub(super) fn of(estimate: &EstimateArguments) -> Self {
        if estimate.free_tier {
            Self { requests: lambda::FREE_REQUESTS, gigabyte_seconds: lambda::FREE_GB_SECONDS }
        } else {
            Self::default()
        }
    }
}

/// The rest of `amount` after as much as possible of `free` is subtracted.
pub(super) fn subtract_free(amount: f64, free: &mut f64) -> f64 {
    let taken = amount.min(*free);
    *free -= taken;
    amount - taken
}

/// DynamoDB bills this overhead for each item.
const INDEX_BYTES: f64 = 100.0;
/// AWS bills GB of storage as 2³⁰ bytes.
pub(super) const GIGABYTE: f64 = 1_073_741_824.0;
