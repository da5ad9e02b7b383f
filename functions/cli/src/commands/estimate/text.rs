//! An estimate as text, in lines of at most [`output::MAX_WIDTH`] columns.

use std::collections::BTreeSet;

use super::figure::{quantity, rate, unit_price, usd, with_unit};
use super::line::{LineItem, total};
use super::report::{CostReport, StandIn, UnpricedResource};
use super::summary::CostSummary;
use crate::output::{self, TableGroup, wrapped};

/// The whole estimate as text.
pub(super) fn of(report: &CostReport) -> String {
    let sum = MonthlyTotal::of(report);
    let mut parts = vec![
        head(report.calls, &report.region),
        lines(&groups(&report.region, &report.lines), None, &sum),
        wrapped(&sums(report), ""),
    ];
    if !report.at_largest_size.is_empty() {
        let more = MonthlyTotal { usd: total(&report.at_largest_size), at_least: false };
        parts.push(format!("At the largest size of its Auto Scaling groups it is {} USD more:", usd(more.usd)));
        parts.push(lines(&groups(&report.region, &report.at_largest_size), None, &more));
    }
    if let Some(gpu) = &report.gpu {
        parts.push(wrapped(&gpu.text(report.calls), ""));
    }
    parts.extend(unpriced_section("Not priced, and in no sum:", &report.not_priced));
    parts.extend(unpriced_section("Billed by use:", &report.by_use));
    if !report.free.is_empty() {
        let free = report.free.iter().map(|(kind, number)| format!("{kind} ({number})")).collect::<Vec<_>>().join(", ");
        parts.push(wrapped(&format!("Free: {free}"), ""));
    }
    parts.push(prices(report));
    parts.push(assumptions(report));
    parts.join("\n\n")
}

/// The summary as text.
pub(super) fn summary(summary: &CostSummary<'_>) -> String {
    let CostSummary { region, calls, other_lines, other_usd, total_usd, at_least, .. } = *summary;
    let more = (other_lines > 0).then(|| {
        let s = if other_lines > 1 { "s" } else { "" };
        [format!("{other_lines} line{s} that cost less"), usd(other_usd)]
    });
    let groups = groups(region, summary.lines.iter().copied());
    let mut parts = vec![head(calls, region), lines(&groups, more, &MonthlyTotal { usd: total_usd, at_least })];
    let mut said = vec![per_thousand(summary.usd_per_1000_calls, at_least)];
    said.extend(summary.stand_in.map(|stand_in| stand_in_note(stand_in, region, total_usd)));
    if at_least {
        let named: BTreeSet<_> = summary.not_priced.iter().map(|mention| mention.address.as_str()).collect();
        said.push(format!("Not priced, and in no sum: {}.", Vec::from_iter(named).join(", ")));
    }
    parts.push(wrapped(&said.join("\n"), ""));
    parts.join("\n\n")
}

/// The total of an estimate.
struct MonthlyTotal {
    usd: f64,
    /// Whether the total lacks a resource without a known price.
    at_least: bool,
}

impl MonthlyTotal {
    fn of(report: &CostReport) -> Self {
        Self { usd: report.total_usd, at_least: report.at_least }
    }
}

fn head(calls: f64, region: &str) -> String {
    format!("{} calls a month in {region}", quantity(calls))
}

/// Lines grouped by resource, in the order in which resources first occur.
fn groups<'a>(region: &str, lines: impl IntoIterator<Item = &'a LineItem>) -> Vec<TableGroup> {
    let mut groups: Vec<TableGroup> = Vec::new();
    for line in lines {
        let mark = if line.region == region { "" } else { STAND_IN_MARK };
        let amount = with_unit(line.quantity, &line.unit);
        let row = vec![line.what.clone(), amount, rate(line.usd_per, line.per), usd(line.usd), mark.to_owned()];
        match groups.iter_mut().find(|group| group.head == line.resource) {
            Some(group) => group.rows.push(row),
            None => groups.push(TableGroup { head: line.resource.clone(), rows: vec![row] }),
        }
    }
    groups
}

/// A table of `groups`, of the rows in `more`, and of their sum.
fn lines(groups: &[TableGroup], more: Option<[String; 2]>, sum: &MonthlyTotal) -> String {
    let row = |[what, usd]: [String; 2]| vec![what, String::new(), String::new(), usd, String::new()];
    let total = if sum.at_least { "TOTAL, at least" } else { "TOTAL" };
    let mut last = Vec::from_iter(more.map(row));
    last.push(row([total.to_owned(), usd(sum.usd)]));
    output::grouped(&["WHAT", "QUANTITY", "UNIT PRICE", "USD A MONTH", ""], 1..4, groups, last)
}

fn sums(report: &CostReport) -> String {
    let mut sums = vec![per_thousand(report.usd_per_1000_calls, report.at_least)];
    if report.at_least {
        let addresses: BTreeSet<_> = report.not_priced.iter().map(|mention| &mention.address).collect();
        sums.push(format!(
            "It costs at least that: no price is known for {} of the resources below, or for a part of them.",
            addresses.len()
        ));
    }
    sums.extend(report.stand_in.as_ref().map(|stand_in| stand_in_note(stand_in, &report.region, report.total_usd)));
    if report.unchecked() > 0 {
        let all = report.prices.len();
        sums.push(format!("{} of {all} prices were not checked; they are marked below.", report.unchecked()));
    }
    sums.join("\n")
}

fn per_thousand(usd_per_1000_calls: Option<f64>, at_least: bool) -> String {
    let at_least = if at_least { "At least " } else { "" };
    usd_per_1000_calls.map_or_else(
        || "Nothing is called.".to_owned(),
        |per| format!("{at_least}{} USD for 1,000 calls.", cost_per_thousand(per)),
    )
}

/// Which lines have the prices of another region, and their sum.
fn stand_in_note(stand_in: &StandIn, region: &str, total_usd: f64) -> String {
    let StandIn { region: other, prices, of_prices, lines, of_lines, .. } = stand_in;
    format!(
        "{STAND_IN_MARK} {lines} of {of_lines} lines, {} of {} USD, are at {other}'s prices, because {prices} of {of_prices} prices of {region} are \
         not known here: --prices FILE can give them.",
        usd(stand_in.usd),
        usd(total_usd),
    )
}

fn unpriced_section(head: &str, of: &[UnpricedResource]) -> Option<String> {
    let each = of.iter().map(|mention| format!("{}\n{}", wrapped(&mention.address, ""), wrapped(&mention.why, INDENT)));
    (!of.is_empty()).then(|| format!("{head}\n\n{}", each.collect::<Vec<_>>().join("\n")))
}

fn prices(report: &CostReport) -> String {
    let mut groups: Vec<TableGroup> = Vec::new();
    for price in &report.prices {
        let checked = if price.checked { price.date.clone() } else { "not checked".to_owned() };
        let row =
            vec![price.name.clone(), unit_price(price.usd, price.per, &price.unit), price.region.clone(), checked];
        let head = format!("{}, read in: {}", price.page, price.seen);
        match groups.iter_mut().find(|group| group.head == head) {
            Some(group) => group.rows.push(row),
            None => groups.push(TableGroup { head, rows: vec![row] }),
        }
    }
    let table = output::grouped(&["PRICE", "USD", "REGION", "CHECKED"], 1..2, &groups, Vec::new());
    format!("Prices, by the public page that they are from and where they were read:\n\n{table}")
}

fn assumptions(report: &CostReport) -> String {
    let each = report.assumptions.iter().map(|assumption| {
        let flag = assumption.flag.map(|flag| format!(" ({flag})")).unwrap_or_default();
        let what = format!("{}: {}{flag}", assumption.name, assumption.value);
        format!("{}\n{}", wrapped(&what, ""), wrapped(&assumption.why, INDENT))
    });
    format!("Assumptions:\n\n{}", each.collect::<Vec<_>>().join("\n"))
}

/// The cost of a thousand calls, which may be less than a cent.
fn cost_per_thousand(amount: f64) -> String {
    if amount > 0.0 && amount < 1.0 { format!("{amount:.4}") } else { usd(amount) }
}

/// Marks a line that has another region's price.
const STAND_IN_MARK: &str = "*";
const INDENT: &str = "  ";
