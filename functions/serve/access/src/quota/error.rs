//! Why a limit or a budget refuses a call.

use std::time::Duration;

use amaas_wire::classify;

/// Why a limit or a budget refuses a call.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum QuotaError {
    /// A limit per minute is reached.
    #[error("the limit of {limit} is reached")]
    RateLimited { limit: String, wait: Duration },
    /// A limit per month is reached.
    #[error("the limit of {limit} is reached until the end of the month (UTC)")]
    QuotaExhausted { limit: String, wait: Duration },
    /// One call exceeds the whole limit.
    #[error("this call alone exceeds the limit of {limit}; send fewer inputs in one call")]
    OverLimit { limit: String },
    /// The tenant's budget is spent.
    #[error("the budget of {budget} is spent until the end of the month (UTC)")]
    BudgetExhausted { budget: String },
    /// The key's budget is spent.
    #[error("the budget of this API key, {budget}, is spent until the end of the month (UTC)")]
    KeyBudgetExhausted { budget: String },
    /// One call exceeds the tenant's whole budget.
    #[error(
        "this call alone costs more than the budget of {budget}; send fewer inputs in one call, or ask the operator for a larger budget"
    )]
    OverBudget { budget: String },
    /// One call exceeds the key's whole budget.
    #[error(
        "this call alone costs more than the budget of this API key, {budget}; send fewer inputs in one call, or ask the operator for a larger budget"
    )]
    OverKeyBudget { budget: String },
    /// The ledger cannot be read for a usage report.
    #[error("usage cannot be read at the moment")]
    UsageUnavailable { internal: String },
    /// The ledger cannot be read, and the overdraft is used up.
    #[error("limits cannot be checked at the moment")]
    LimitsUnavailable { internal: String },
}

classify! { QuotaError {
    Self::RateLimited { wait, .. } => 429, "rate-limited", "rate limited", retry = whole_seconds(*wait);
    Self::QuotaExhausted { wait, .. } => 429, "quota-exhausted", "quota exhausted", retry = whole_seconds(*wait);
    Self::OverLimit { .. } => 413, "over-limit", "more than a limit";
    Self::BudgetExhausted { .. } | Self::OverBudget { .. } => 402, "budget-exhausted", "budget exhausted";
    Self::KeyBudgetExhausted { .. } | Self::OverKeyBudget { .. } =>
        402, "key-budget-exhausted", "budget of the key exhausted";
    Self::UsageUnavailable { internal } => 503, "usage-unavailable", "usage unavailable",
        retry = Duration::from_secs(2), log = internal;
    Self::LimitsUnavailable { internal } => 503, "limits-unavailable", "limits cannot be checked",
        retry = Duration::from_secs(2), log = internal;
} }

/// Rounded up, so that a client that waits exactly as long is not too early.
fn whole_seconds(wait: Duration) -> Duration {
    Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}
