//! What calls cost in the ledger's table of DynamoDB, on demand.

use super::function::FunctionLoad;
use super::line::LineItem;
use super::prices::Prices;
use super::usage_profile::UsageProfile;
use crate::error::CliError;

/// What calls to `function` write and read.
pub(super) fn lines(
    function: &FunctionLoad,
    profile: &UsageProfile,
    prices: &Prices,
) -> Result<Vec<LineItem>, CliError> {
    let line = |what: &str, quantity, price| LineItem::new("DynamoDB", what, quantity, price);
    Ok(vec![
        // A cold start notes the serial of the sealing keys.
        line(
            "ledger writes",
            function.calls * profile.writes + function.cold_starts(profile),
            prices.of("dynamodb.writes")?,
        ),
        line("ledger reads", reads(function, profile), prices.of("dynamodb.reads")?),
    ])
}

/// Read units: consistent reads of less than 4 KiB each.
fn reads(function: &FunctionLoad, profile: &UsageProfile) -> f64 {
    let FunctionLoad { calls, p50_ms, .. } = *function;
    let rounds = profile.rounds(calls, p50_ms);
    // Nothing is read again without a call that needs it.
    let of_price = calls.min(rounds);
    let of_tenants = if profile.tenants > 0.0 { 2.0 * calls.min(rounds * profile.tenants) } else { 0.0 };
    let of_secrets = 2.0 * function.cold_starts(profile);
    calls * profile.reads + of_tenants + of_price + of_secrets
}
