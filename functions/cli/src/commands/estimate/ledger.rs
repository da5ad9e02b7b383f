//! What calls cost in the ledger's table of DynamoDB, on demand.

use super::function::Function;
use super::habits::Habits;
use super::line::Line;
use super::prices::Prices;
use crate::failure::Failure;

/// What calls to `function` write and read.
pub(super) fn lines(function: &Function, habits: &Habits, prices: &Prices) -> Result<Vec<Line>, Failure> {
    let line = |what: &str, quantity, price| Line::new("DynamoDB", what, quantity, price);
    Ok(vec![
        // A cold start notes the serial of the sealing keys.
        line(
            "ledger writes",
            function.calls * habits.writes + function.cold_starts(habits),
            prices.of("dynamodb.writes")?,
        ),
        line("ledger reads", reads(function, habits), prices.of("dynamodb.reads")?),
    ])
}

/// Read units: consistent reads of less than 4 KiB each.
fn reads(function: &Function, habits: &Habits) -> f64 {
    let Function { calls, p50_ms, .. } = *function;
    let rounds = habits.rounds(calls, p50_ms);
    // Nothing is read again without a call that needs it.
    let of_price = calls.min(rounds);
    let of_tenants = if habits.tenants > 0.0 { 2.0 * calls.min(rounds * habits.tenants) } else { 0.0 };
    let of_secrets = 2.0 * function.cold_starts(habits);
    calls * habits.reads + of_tenants + of_price + of_secrets
}
