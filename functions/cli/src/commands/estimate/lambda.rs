//! The cost of Lambda itself: requests, time and memory.

use super::function::{FreeTier, FunctionLoad, subtract_free};
use super::line::LineItem;
use super::prices::PriceList;
use super::usage_profile::{SECONDS_PER_MONTH, UsageProfile};
use crate::error::CliError;

/// The cost of calls to `function` at Lambda.
pub(super) fn lines(
    function: &FunctionLoad,
    profile: &UsageProfile,
    prices: &PriceList,
    free: &mut FreeTier,
) -> Result<Vec<LineItem>, CliError> {
    let architecture = function.architecture.to_string();
    let price = |name: &str| prices.of(&format!("lambda.{name}.{architecture}"));
    let line = |what: &str, quantity, price| LineItem::new("Lambda", what, quantity, price);
    let mut lines =
        vec![line("requests", subtract_free(function.calls, &mut free.requests), prices.of("lambda.requests")?)];
    let billed = billed_seconds(function.calls, function.p50_ms);
    let memory_gb = function.memory_mb / 1024.0;
    if function.provisioned > 0.0 {
        // The free tier does not apply to provisioned concurrency.
        lines.push(line("duration", billed * memory_gb, price("provisioned-duration")?));
        let ready = provisioned(function.provisioned, function.memory_mb, SECONDS_PER_MONTH);
        lines.push(line(PROVISIONED_LINE, ready, price("provisioned")?));
    } else {
        let duration = subtract_free(billed * memory_gb, &mut free.gigabyte_seconds);
        lines.push(line("duration", duration, price("duration")?));
    }
    let cold = billed_seconds(function.cold_starts(profile), profile.cold_ms);
    if cold > 0.0 {
        let duration = subtract_free(cold * memory_gb, &mut free.gigabyte_seconds);
        lines.push(line("cold starts", duration, price("duration")?));
    }
    let more_gb = (function.ephemeral_mb - FREE_EPHEMERAL_MB) / 1024.0;
    if more_gb > 0.0 {
        lines.push(line("ephemeral storage", (billed + cold) * more_gb, prices.of("lambda.ephemeral")?));
    }
    if function.snap_start {
        lines.push(line(SNAPSHOT_LINE, memory_gb * SECONDS_PER_MONTH, prices.of("lambda.snapstart.cache")?));
        let restored = function.cold_starts(profile) * memory_gb;
        lines.push(line("snapshots restored", restored, prices.of("lambda.snapstart.restore")?));
    }
    Ok(lines)
}

/// Whether a line of Lambda's costs is billed without a call too.
pub(super) fn is_fixed(line: &LineItem) -> bool {
    line.what == PROVISIONED_LINE || line.what == SNAPSHOT_LINE
}

/// The billed seconds of `times` runs of `milliseconds`. Lambda rounds each run up to whole milliseconds.
fn billed_seconds(times: f64, milliseconds: f64) -> f64 {
    times * milliseconds.ceil() / 1000.0
}

/// GB-seconds of provisioned environments.
fn provisioned(number: f64, memory_mb: f64, seconds: f64) -> f64 {
    number * memory_mb / 1024.0 * seconds
}

/// The monthly free tier of an account, as the pricing page has it.
pub(super) const FREE_REQUESTS: f64 = 1_000_000.0;
pub(super) const FREE_GB_SECONDS: f64 = 400_000.0;
const FREE_EPHEMERAL_MB: f64 = 512.0;
const PROVISIONED_LINE: &str = "provisioned concurrency";
/// Each published version has a snapshot until the version is deleted. `infra/` keeps one version in use.
const SNAPSHOT_LINE: &str = "snapshot of one version";

#[cfg(test)]
mod tests {
    //! The worked examples of <https://aws.amazon.com/lambda/pricing/> (US East, x86), to the cent that it prints.

    use clap::Parser;

    use super::super::{REGION, described};
    use super::*;
    use crate::arguments::{CliCommand, CommandLine};

    /// The cost of each part with `flags`, to the cent.
    fn cents(flags: &str) -> Vec<(String, String)> {
        let arguments = CommandLine::parse_from(["amaas", "estimate"].into_iter().chain(flags.split_whitespace()));
        let CliCommand::Estimate(estimate) = arguments.command else { panic!("it is the command") };
        let prices = PriceList::open(None, REGION).expect("known");
        let (function, profile) = (described(&estimate).expect("described"), UsageProfile::of(&estimate));
        let lines = lines(&function, &profile, &prices, &mut FreeTier::of(&estimate)).expect("priced");
        lines.into_iter().map(|line| (line.what, format!("{:.2}", line.usd))).collect()
    }

    fn pairs<const N: usize>(expected: [(&str, &str); N]) -> Vec<(String, String)> {
        expected.map(|(what, usd)| (what.to_owned(), usd.to_owned())).into()
    }

    #[test]
    fn the_mobile_backend_costs_what_aws_says() {
        // Ephemeral storage pricing, example 1: 2.33 + 0.40 = 2.73.
        let costs = cents("--calls 3e6 --p50-ms 120 --memory 1536 --free-tier --cold-start-share 0");
        assert_eq!(costs, pairs([("requests", "0.40"), ("duration", "2.33")]));
    }

    #[test]
    fn the_telemetry_costs_what_aws_says() {
        // Example 2: 1.49 + 248.00, without the free tier.
        let costs = cents("--calls 7.44e6 --p50-ms 2000 --memory 1024 --cold-start-share 0");
        assert_eq!(costs, pairs([("requests", "1.49"), ("duration", "248.00")]));
    }

    #[test]
    fn the_support_tickets_cost_what_aws_says() {
        // Example 3: 105.33 + 1 + 0.08 = 106.41.
        let flags = "--calls 6e6 --p50-ms 280 --memory 4096 --ephemeral-mb 2048 --free-tier --cold-start-share 0";
        let expected = [("requests", "1.00"), ("duration", "105.33"), ("ephemeral storage", "0.08")];
        assert_eq!(cents(flags), pairs(expected));
    }

    #[test]
    fn provisioned_concurrency_costs_what_aws_says() {
        // Provisioned concurrency pricing, example 1: a hundred environments for eight hours are 4,320,000 GB-seconds, 18 dollars.
        // Half a million calls of 100 ms are 0.73. This estimate is for a whole month: 730 hours of one equal 7.3 hours of a hundred.
        assert!((provisioned(100.0, 1536.0, 8.0 * 3600.0) - 4_320_000.0).abs() < 1e-6);
        let costs = cents("--calls 5e5 --p50-ms 100 --memory 1536 --provisioned 1");
        assert_eq!(costs, pairs([("requests", "0.10"), ("duration", "0.73"), ("provisioned concurrency", "16.43")]));
    }

    #[test]
    fn a_started_millisecond_is_billed() {
        assert!((billed_seconds(1000.0, 0.2) - 1.0).abs() < 1e-12);
        assert!((billed_seconds(1000.0, 12.0) - 12.0).abs() < 1e-12);
    }
}
