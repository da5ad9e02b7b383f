//! The short form of an estimate: the total, and the lines that cost most.

use serde::Serialize;

use super::figure::sum;
use super::line::LineItem;
use super::report::{Report, StandIn, UnpricedResource};

/// A summary, as `--json` prints it; members are those of [`Report`], but for `other_lines`.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    pub(super) region: &'a str,
    pub(super) calls: f64,
    /// The lines that cost most, the dearest first.
    pub(super) lines: Vec<&'a LineItem>,
    /// How many lines there are besides, and what they cost together.
    pub(super) other_lines: usize,
    pub(super) other_usd: f64,
    pub(super) total_usd: f64,
    pub(super) at_least: bool,
    pub(super) stand_in: Option<&'a StandIn>,
    pub(super) usd_per_1000_calls: Option<f64>,
    pub(super) not_priced: &'a [UnpricedResource],
}

impl<'a> Summary<'a> {
    /// That of `report`.
    pub(super) fn of(report: &'a Report) -> Self {
        let mut lines: Vec<_> = report.lines.iter().collect();
        lines.sort_by(|one, other| other.usd.total_cmp(&one.usd));
        let others = lines.split_off(lines.len().min(SUMMARY_LINES));
        Self {
            region: &report.region,
            calls: report.calls,
            lines,
            other_lines: others.len(),
            other_usd: sum(others.iter().map(|line| line.usd)),
            total_usd: report.total_usd,
            at_least: report.at_least,
            stand_in: report.stand_in.as_ref(),
            usd_per_1000_calls: report.usd_per_1000_calls,
            not_priced: &report.not_priced,
        }
    }
}

/// How many lines a summary has.
const SUMMARY_LINES: usize = 5;
