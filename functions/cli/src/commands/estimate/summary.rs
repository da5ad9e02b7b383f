//! The short form of an estimate: the total and the most expensive lines.

use serde::Serialize;

use super::figure::sum;
use super::line::LineItem;
use super::report::{CostReport, StandIn, UnpricedResource};

/// A summary, as `--json` prints it. Its members are those of [`CostReport`], except `other_lines`.
#[derive(Debug, Serialize)]
pub(super) struct CostSummary<'a> {
    pub(super) region: &'a str,
    pub(super) calls: f64,
    /// The most expensive lines, in descending order.
    pub(super) lines: Vec<&'a LineItem>,
    /// The number of further lines, and their sum.
    pub(super) other_lines: usize,
    pub(super) other_usd: f64,
    pub(super) total_usd: f64,
    pub(super) at_least: bool,
    pub(super) stand_in: Option<&'a StandIn>,
    pub(super) usd_per_1000_calls: Option<f64>,
    pub(super) not_priced: &'a [UnpricedResource],
}

impl<'a> CostSummary<'a> {
    /// The summary of `report`.
    pub(super) fn of(report: &'a CostReport) -> Self {
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

/// Lines of a summary.
const SUMMARY_LINES: usize = 5;
