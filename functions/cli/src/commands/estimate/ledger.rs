//! The cost of calls in the ledger's DynamoDB table, with on-demand capacity.

use super::function::FunctionLoad;
use super::line::LineItem;
use super::prices::PriceList;
use super::usage_profile::UsageProfile;
use crate::error::CliError;

/// The cost of the writes and reads that calls to `function` cause.
pub(super) fn lines(
    function: &FunctionLoad,
    profile: &UsageProfile,
    prices: &PriceList,
) -> Result<Vec<LineItem>, CliError> {
    let line = |what: &str, quantity, price| LineItem::new("DynamoDB", what, quantity, price);
    Ok(vec![
        // A cold start records the serial of the sealing keys.
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
    // Values are revalidated only for a call that needs them.
    let of_price = calls.min(rounds);
    let of_tenants = if profile.tenants > 0.0 { 2.0 * calls.min(rounds * profile.tenants) } else { 0.0 };
    let of_secrets = 2.0 * function.cold_starts(profile);
    calls * profile.reads + of_tenants + of_price + of_secrets
}
