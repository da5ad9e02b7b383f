//! Usage reports of a tenant, from the records in the ledger.
//!
//! A past day is summed up once, and its sum is stored. A late record marks its day, so that a sum without it is not stored, and a stored
//! one is replaced.

use std::collections::BTreeMap;
use std::time::Duration;

use amaas_wire::usage::{UsageBy, UsageDay, UsageReport, UsageRow, UsageSum};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{UsageRecord, UtcDay};
use crate::key::KeyId;
use crate::tenant::TenantName;
use amaas_ledger::{Ledger, LedgerError, LedgerKey, LedgerWrite, NO_EXPIRY};

/// The usage of `tenant` from the day `since` to the day `until`, both included, grouped as `by` says. `now` is in milliseconds
/// since 1970.
///
/// # Errors
/// [`ReportError`].
pub async fn report(
    ledger: &dyn Ledger,
    tenant: &TenantName,
    (since, until): (UtcDay, UtcDay),
    by: UsageBy,
    now: u64,
) -> Result<UsageReport, ReportError> {
    if since > until {
        return Err(ReportError::Backwards { since, until });
    }
    let mut rows: BTreeMap<UsageGroup, UsageRow> = BTreeMap::new();
    // There are no calls after today.
    let last = until.min(UtcDay::at(now));
    if since.until(last) >= MAX_REPORT_DAYS {
        return Err(ReportError::TooLong { most: MAX_REPORT_DAYS });
    }
    let (mut total, mut day) = (UsageSum::default(), since);
    while day <= last {
        for UsageLine { parts, sum } in day_of(ledger, tenant, day, now).await? {
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

/// Errors of a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum ReportError {
    /// The ledger failed or refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The days are out of order.
    #[error("expected since to be until or earlier, got since {since} and until {until}")]
    Backwards { since: UtcDay, until: UtcDay },
    /// The report covers too many days.
    #[error("expected at most {most} days, got more")]
    TooLong { most: i64 },
}

/// The sum of a day's calls of one group.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct UsageLine {
    #[serde(flatten)]
    parts: UsageGroup,
    sum: UsageSum,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct UsageGroup {
    model: Option<String>,
    version: Option<String>,
    key: Option<KeyId>,
}

impl UsageGroup {
    /// The parts that the report groups by.
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

/// The sums of one day.
async fn day_of(
    ledger: &dyn Ledger,
    tenant: &TenantName,
    day: UtcDay,
    now: u64,
) -> Result<Vec<UsageLine>, LedgerError> {
    let (is_over, sum) = (now > day.end() + LATE_AFTER_MS, sum_place(tenant, day));
    if is_over
        && let Some(kept) = ledger.read(&sum).await?
        && let Ok(lines) = serde_json::from_slice(&kept.value)
    {
        return Ok(lines);
    }
    let lines = add_up(ledger, tenant, day).await?;
    if is_over && !lines.is_empty() {
        // If a late record came meanwhile, its mark exists and this sum is not stored.
        let json = Bytes::from(serde_json::to_vec(&lines).unwrap_or_default());
        ledger.insert(&sum, json, NO_EXPIRY).await?;
    }
    Ok(lines)
}

async fn add_up(ledger: &dyn Ledger, tenant: &TenantName, day: UtcDay) -> Result<Vec<UsageLine>, LedgerError> {
    let (mut sums, mut after) = (BTreeMap::<UsageGroup, UsageSum>::new(), String::new());
    loop {
        let page = ledger.list(&day_place(tenant, day), &after, PAGE_SIZE).await?;
        for record in page.iter().map(|listed| serde_json::from_slice::<UsageRecord>(&listed.entry.value)) {
            let record = record.map_err(|error| {
                let cause = format!("a record of an unknown format: line {}, column {}", error.line(), error.column());
                LedgerError::Format { ledger: "the ledger".to_owned(), cause }
            })?;
            let sum = sum_of(&record);
            let UsageRecord { model, version, key, .. } = record;
            sums.entry(UsageGroup { model: Some(model), version: Some(version), key }).or_default().add(&sum);
        }
        match page.last() {
            Some(last) if page.len() == PAGE_SIZE => after.clone_from(&last.sort),
            _ => break,
        }
    }
    Ok(sums.into_iter().map(|(parts, sum)| UsageLine { parts, sum }).collect())
}

fn sum_of(record: &UsageRecord) -> UsageSum {
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

/// The key of a record.
pub(super) fn place(record: &UsageRecord) -> LedgerKey {
    LedgerKey::new(day_place(&record.tenant, record.day()), record.id.as_str())
}

/// The mark of a day with a late record. It takes the sum's place, and is not a sum.
pub(super) fn late(tenant: &TenantName, day: UtcDay) -> LedgerWrite {
    LedgerWrite { key: sum_place(tenant, day), value: Bytes::from_static(b"late"), ttl: LATE_MARK_TTL }
}

fn day_place(tenant: &TenantName, day: UtcDay) -> String {
    format!("usage/{tenant}/{day}")
}

fn sum_place(tenant: &TenantName, day: UtcDay) -> LedgerKey {
    LedgerKey::new(format!("usage-sum/{tenant}"), day.to_string())
}

/// How long after the end of a day a record counts as late, in milliseconds.
pub(super) const LATE_AFTER_MS: u64 = 60 * 60 * 1000;
/// How long no sum of a day is stored after a late record: longer than writing the record takes.
const LATE_MARK_TTL: Duration = Duration::from_mins(10);
/// Bounds a report: about as long as records are stored.
const MAX_REPORT_DAYS: i64 = 400;
const PAGE_SIZE: usize = 1000;

#[cfg(test)]
mod tests;
