//! An estimate as people read it.

use super::figure::{measured, quantity, unit_price, usd};
use super::line::{Line, total};
use super::report::{Mention, Report};
use crate::output;

/// The whole of it.
pub(super) fn of(report: &Report) -> String {
    let mut parts = vec![
        format!("{} calls a month in {}", quantity(report.calls), report.region),
        lines(&report.lines, report.total_usd),
        sums(report),
    ];
    if !report.at_largest_size.is_empty() {
        let more = total(&report.at_largest_size);
        let rows = lines(&report.at_largest_size, more);
        parts.push(format!("At the largest size of its Auto Scaling groups it is {} USD more:\n\n{rows}", usd(more)));
    }
    if let Some(gpu) = &report.gpu {
        parts.push(gpu.text(report.calls));
    }
    parts.extend(mentions("Not priced, and in no sum:", &report.not_priced));
    parts.extend(mentions("Billed by use:", &report.by_use));
    if !report.free.is_empty() {
        let free = report.free.iter().map(|(kind, number)| format!("{kind} ({number})")).collect::<Vec<_>>().join(", ");
        parts.push(format!("Free: {free}"));
    }
    parts.push(prices(report));
    parts.push(assumptions(report));
    parts.join("\n\n")
}

fn lines(lines: &[Line], total: f64) -> String {
    let rows = lines.iter().map(|line| {
        let price = unit_price(line.usd_per, line.per, &line.unit);
        vec![line.resource.clone(), line.what.clone(), measured(line.quantity, &line.unit), price, usd(line.usd)]
    });
    let last = vec!["TOTAL".to_owned(), String::new(), String::new(), String::new(), usd(total)];
    output::figures(&["RESOURCE", "WHAT", "QUANTITY", "UNIT PRICE", "USD A MONTH"], 2..5, rows.chain([last]))
}

fn sums(report: &Report) -> String {
    let all = report.prices.len();
    let per = report.usd_per_1000_calls;
    let mut sums =
        vec![per.map_or_else(|| "Nothing is called.".to_owned(), |per| format!("{} USD for 1,000 calls.", small(per)))];
    if report.borrowed() > 0 {
        sums.push(format!(
            "{} of {all} prices are another region's, for want of those of {}: --prices FILE can give them.",
            report.borrowed(),
            report.region
        ));
    }
    if report.unchecked() > 0 {
        sums.push(format!("{} of {all} prices were not checked; they are marked below.", report.unchecked()));
    }
    sums.join("\n")
}

fn mentions(head: &str, of: &[Mention]) -> Option<String> {
    let rows = of.iter().map(|mention| [mention.address.clone(), mention.kind.clone(), mention.why.clone()]);
    (!of.is_empty()).then(|| format!("{head}\n\n{}", output::table(["ADDRESS", "TYPE", "WHY"], rows)))
}

fn prices(report: &Report) -> String {
    let rows = report.prices.iter().map(|price| {
        let checked = if price.checked { price.date.clone() } else { "not checked".to_owned() };
        let cost = unit_price(price.usd, price.per, &price.unit);
        vec![price.name.clone(), cost, price.region.clone(), checked, price.page.clone(), price.seen.clone()]
    });
    let table = output::figures(&["PRICE", "USD", "REGION", "CHECKED", "PAGE", "READ IN"], 1..2, rows);
    format!("Prices, the public pages that they are from, and where they were read:\n\n{table}")
}

fn assumptions(report: &Report) -> String {
    let rows = report.assumptions.iter().map(|assumption| {
        let flag = assumption.flag.unwrap_or_default();
        [assumption.name.to_owned(), assumption.value.clone(), flag.to_owned(), assumption.why.clone()]
    });
    format!("Assumptions:\n\n{}", output::table(["OF", "IS", "FLAG", "WHY"], rows))
}

/// What a thousand calls cost may be less than a cent, and tells something yet.
fn small(amount: f64) -> String {
    if amount > 0.0 && amount < 1.0 { format!("{amount:.4}") } else { usd(amount) }
}
