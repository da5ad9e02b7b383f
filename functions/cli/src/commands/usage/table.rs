//! Usage as a table, with every number in full and a sparkline.

use std::collections::BTreeMap;

use amaas::{UsageBy, UsageDay, UsageReport, UsageRow, UsageSum};
use amaas_access::Money;
use amaas_access::meter::UtcDay;

use super::sparkline::DayRange;
use super::today;
use crate::output;

/// The reports, which have the same days and kind of rows; with a column for the tenant if there are several.
pub(crate) fn text(reports: &[UsageReport]) -> String {
    let Some(first) = reports.first() else { return "there are no tenants".to_owned() };
    let range = range(first);
    let names = heads(reports.len(), first.by);
    let bars = range.map(DayRange::head).unwrap_or_default();
    let heads: Vec<_> = names.iter().copied().chain(SUMS).chain([bars.as_str()]).collect();

    let (mut rows, mut total, mut units) = (Vec::new(), UsageSum::default(), BTreeMap::new());
    for report in reports {
        total.add(&report.total);
        for row in &report.data {
            let mut cells = if reports.len() > 1 { vec![report.tenant.clone()] } else { Vec::new() };
            cells.extend(named(row, report.by));
            let of_row = by_day(&row.days);
            for (day, more) in &of_row {
                let sum: &mut u64 = units.entry(*day).or_default();
                *sum = sum.saturating_add(*more);
            }
            cells.extend(summed(&row.sum));
            cells.push(range.map(|range| range.line(&of_row)).unwrap_or_default());
            rows.push(cells);
        }
    }
    let mut cells = vec!["TOTAL".to_owned()];
    cells.resize(names.len(), String::new());
    cells.extend(summed(&total));
    cells.push(range.map(|range| range.line(&units)).unwrap_or_default());
    rows.push(cells);

    let whose = if let [report] = reports { format!(" of {}", report.tenant) } else { String::new() };
    let title = format!("usage{whose}, {} to {} (UTC)", first.since, first.until);
    format!("{title}\n\n{}", output::figures(&heads, names.len()..names.len() + SUMS.len(), rows))
}

/// The days of a report; `None` if the service sent invalid days.
fn range(report: &UsageReport) -> Option<DayRange> {
    Some(DayRange::new(report.since.parse().ok()?, report.until.parse().ok()?, today()))
}

fn heads(reports: usize, by: UsageBy) -> Vec<&'static str> {
    let mut heads = if reports > 1 { vec!["TENANT"] } else { Vec::new() };
    match by {
        UsageBy::Model => heads.push("MODEL"),
        UsageBy::Version => heads.extend(["MODEL", "VERSION"]),
        UsageBy::Key => heads.push("KEY ID"),
    }
    heads
}

/// The cells that identify a row.
fn named(row: &UsageRow, by: UsageBy) -> Vec<String> {
    let UsageRow { model, version, key, .. } = row;
    let names = match by {
        UsageBy::Model => vec![model],
        UsageBy::Version => vec![model, version],
        UsageBy::Key => vec![key],
    };
    names.into_iter().map(|name| name.clone().unwrap_or_else(|| "none".to_owned())).collect()
}

fn summed(sum: &UsageSum) -> impl Iterator<Item = String> {
    let UsageSum { calls, units, rows, tokens, billed_ms, bytes_in, bytes_out, cost_nanos, .. } = sum;
    let numbers = [calls, units, rows, tokens, billed_ms, bytes_in, bytes_out].map(|number| grouped(*number));
    numbers.into_iter().chain([Money::from_nanos(*cost_nanos).to_string()])
}

fn by_day(days: &[UsageDay]) -> BTreeMap<UtcDay, u64> {
    days.iter().filter_map(|day| Some((day.day.parse().ok()?, day.units))).collect()
}

/// A number with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const SUMS: [&str; 8] = ["CALLS", "UNITS", "ROWS", "TOKENS", "BILLED MS", "BYTES IN", "BYTES OUT", "COST"];

#[cfg(test)]
mod tests {
    use super::*;

    fn row(model: &str, version: &str, units: u64, days: &[(&str, u64)]) -> UsageRow {
        let (model, version) = (Some(model.to_owned()), Some(version.to_owned()));
        let day = |(day, units): &(&str, u64)| UsageDay { day: (*day).to_owned(), calls: 1, units: *units };
        let sum = UsageSum { calls: 1, units, rows: 1, cost_nanos: units * 1000, ..UsageSum::default() };
        UsageRow { model, version, key: None, sum, days: days.iter().map(day).collect() }
    }

    fn report(tenant: &str, data: Vec<UsageRow>) -> UsageReport {
        let mut total = UsageSum::default();
        for row in &data {
            total.add(&row.sum);
        }
        let (since, until) = ("2020-11-01".to_owned(), "2020-11-04".to_owned());
        UsageReport { tenant: tenant.to_owned(), since, until, by: UsageBy::Version, data, total }
    }

    #[test]
    fn numbers_are_whole() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn a_table_is_as_people_read_it() {
        let data = vec![
            row("embed", "1", 1_234_567, &[("2020-11-01", 1_234_560), ("2020-11-03", 7)]),
            row("embed", "2", 2, &[("2020-11-04", 2)]),
        ];
        let expected = "\
usage of acme, 2020-11-01 to 2020-11-04 (UTC)

MODEL  VERSION  CALLS      UNITS  ROWS  TOKENS  BILLED MS  BYTES IN  BYTES OUT      COST  UNITS A DAY
embed  1            1  1,234,567     1       0          0         0          0  1.234567  █▁▂▁
embed  2            1          2     1       0          0         0          0  0.000002  ▁▁▁█
TOTAL               2  1,234,569     2       0          0         0          0  1.234569  █▁▂▂";
        assert_eq!(text(&[report("acme", data)]), expected);
    }

    #[test]
    fn several_tenants_are_told_apart() {
        let reports = [report("acme", vec![row("m", "1", 1, &[])]), report("other", vec![row("m", "1", 2, &[])])];
        let text = text(&reports);
        assert!(text.starts_with("usage, 2020-11-01 to 2020-11-04 (UTC)\n\nTENANT  MODEL  VERSION  CALLS"), "{text}");
        assert!(text.contains("\nother   m      1"), "{text}");
        assert!(text.contains("\nTOTAL                       2      3"), "{text}");
    }
}
