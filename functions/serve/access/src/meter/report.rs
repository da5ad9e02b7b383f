//! What a tenant's calls come to, read out of the ledger.
//!
//! A day that is over is summed up once, and its sum is kept; a record that comes late marks its day, so that a sum which was made
//! without it is not kept, and one that was kept is none any more.

use std::collections::BTreeMap;
use std::time::Duration;

use amaas_wire::usage::{UsageBy, UsageDay, UsageReport, UsageRow, UsageSum};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Day, Record};
use crate::key::KeyId;
use crate::tenant::TenantName;
use amaas_ledger::{FOREVER, Key, Ledger, LedgerError, Write};

/// The usage of `tenant` from the day `since` to the day `until`, both included, with rows of what `by` says. `now` is in milliseconds
/// since 1970.
///
/// # Errors
/// [`ReportError`].
pub async fn report(
    ledger: &dyn Ledger,
    tenant: &TenantName,
    (since, until): (Day, Day),
    by: UsageBy,
    now: u64,
) -> Result<UsageReport, ReportError> {
    if since > until {
        return Err(ReportError::Backwards { since, until });
    }
    let mut rows: BTreeMap<Parts, UsageRow> = BTreeMap::new();
    // Nobody has called tomorrow.
    let last = until.min(Day::at(now));
    if since.until(last) >= MOST_DAYS {
        return Err(ReportError::TooLong { most: MOST_DAYS });
    }
    let (mut total, mut day) = (UsageSum::default(), since);
    while day <= last {
        for Line { parts, sum } in day_of(ledger, tenant, day, now).await? {
            total.add(&sum);
            let parts = parts.by(by);
            let row = rows.entry(parts.clone()).or_insert_with(|| parts.row());
            row.sum.add(&sum);
            match row.days.last_mut().filter(|last| last.day == day.to_string()) {
                Some(last) => {
                    last.calls += sum.calls;
                    last.units += sum.units;
                }
                None => row.days.push(UsageDay { day: day.to_string(), calls: sum.calls, units: sum.units }),
            }
        }
        day = day.next();
    }
    let (tenant, since, until) = (tenant.to_string(), since.to_string(), until.to_string());
    Ok(UsageReport { tenant, since, until, by, data: rows.into_values().collect(), total })
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum ReportError {
    /// The ledger failed or refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The days are in the wrong order.
    #[error("expected since to be until or earlier, got since {since} and until {until}")]
    Backwards { since: Day, until: Day },
    /// More days than are read at once.
    #[error("expected at most {most} days, got more")]
    TooLong { most: i64 },
}

/// What the calls of a day come to that have these parts in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    parts: Parts,
    sum: UsageSum,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Parts {
    model: Option<String>,
    version: Option<String>,
    key: Option<KeyId>,
}

impl Parts {
    /// Those that are told apart.
    fn by(self, by: UsageBy) -> Self {
        match by {
            UsageBy::Model => Self { version: None, key: None, ..self },
            UsageBy::Version => Self { key: None, ..self },
            UsageBy::Key => Self { key: self.key, ..Self::default() },
        }
    }

    fn row(&self) -> UsageRow {
        let Self { model, version, key } = self.clone();
        UsageRow { model, version, key: key.map(|key| key.to_string()), ..UsageRow::default() }
    }
}

/// The lines of one day.
async fn day_of(ledger: &dyn Ledger, tenant: &TenantName, day: Day, now: u64) -> Result<Vec<Line>, LedgerError> {
    let (is_over, sum) = (now > day.end() + LATE, sum_place(tenant, day));
    if is_over
        && let Some(kept) = ledger.read(&sum).await?
        && let Ok(lines) = serde_json::from_slice(&kept.value)
    {
        return Ok(lines);
    }
    let lines = add_up(ledger, tenant, day).await?;
    if is_over && !lines.is_empty() {
        // Where a record came late meanwhile its mark is there, and this is not kept.
        let json = Bytes::from(serde_json::to_vec(&lines).unwrap_or_default());
        ledger.insert(&sum, json, FOREVER).await?;
    }
    Ok(lines)
}

async fn add_up(ledger: &dyn Ledger, tenant: &TenantName, day: Day) -> Result<Vec<Line>, LedgerError> {
    let (mut sums, mut after) = (BTreeMap::<Parts, UsageSum>::new(), String::new());
    loop {
        let page = ledger.list(&day_place(tenant, day), &after, PAGE).await?;
        for record in page.iter().map(|listed| serde_json::from_slice::<Record>(&listed.entry.value)) {
            let record = record.map_err(|error| {
                let cause = format!("a record of another form: line {}, column {}", error.line(), error.column());
                LedgerError::Format { ledger: "the ledger".to_owned(), cause }
            })?;
            let sum = sum_of(&record);
            let Record { model, version, key, .. } = record;
            sums.entry(Parts { model: Some(model), version: Some(version), key }).or_default().add(&sum);
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after.clone_from(&last.sort),
            _ => break,
        }
    }
    Ok(sums.into_iter().map(|(parts, sum)| Line { parts, sum }).collect())
}

fn sum_of(record: &Record) -> UsageSum {
    UsageSum {
        calls: 1,
        sealed: record.sealed.into(),
        rows: record.rows,
        tokens: record.tokens.unwrap_or_default(),
        units: record.units(),
        billed_ms: record.billed_ms,
        init_ms: record.init_ms,
        bytes_in: record.bytes_in,
        bytes_out: record.bytes_out,
        cost_nanos: record.cost.nanos(),
    }
}

/// Where a record stands.
pub(super) fn place(record: &Record) -> Key {
    Key::new(day_place(&record.tenant, record.day()), record.id.as_str())
}

/// The mark of a day for which a record comes late: it stands in the place of the sum, and is none.
pub(super) fn late(tenant: &TenantName, day: Day) -> Write {
    Write { key: sum_place(tenant, day), value: Bytes::from_static(b"late"), lives: MARKED }
}

fn day_place(tenant: &TenantName, day: Day) -> String {
    format!("usage/{tenant}/{day}")
}

fn sum_place(tenant: &TenantName, day: Day) -> Key {
    Key::new(format!("usage-sum/{tenant}"), day.to_string())
}

/// How long after the end of a day its records are not late yet, in milliseconds.
pub(super) const LATE: u64 = 60 * 60 * 1000;
/// For how long no sum of a day is kept after a record came late: longer than it takes to write it.
const MARKED: Duration = Duration::from_mins(10);
/// As long as records are kept, about.
const MOST_DAYS: i64 = 400;
const PAGE: usize = 1000;

#[cfg(test)]
mod tests;
