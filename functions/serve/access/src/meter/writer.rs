//! Writes usage records from the journal to the ledger.
//!
//! A record's key is its tenant, day and id, so a repeated write has no effect. A call that ran again after midnight, because its process
//! was killed, would count on two days. So a record near midnight is first looked up on the other day.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::journal::{ClaimedBatches, JournalBatch};
use super::report::{LATE_AFTER_MS, late, place};
use super::{EmfOutput, UsageJournal, UsageRecord, depth};
use amaas_ledger::{Clock, Ledger, LedgerError, LedgerWrite};

/// Records usage in a journal, and writes the journal to the ledger.
pub struct UsageMeter {
    ledger: Arc<dyn Ledger>,
    journal: Arc<UsageJournal>,
    emf: EmfOutput,
    clock: Clock,
    /// Held during a write.
    writing: tokio::sync::Mutex<()>,
    /// When the last flush for a report began; held during one.
    reported: tokio::sync::Mutex<Option<Instant>>,
    /// Versions of models that have answered a call here.
    seen: Mutex<BTreeSet<(String, String)>>,
}

impl UsageMeter {
    /// Records usage in `ledger` through `journal`.
    pub fn new(ledger: Arc<dyn Ledger>, journal: UsageJournal, emf: EmfOutput, clock: Clock) -> Self {
        let (writing, reported, seen) =
            (tokio::sync::Mutex::default(), tokio::sync::Mutex::default(), Mutex::default());
        Self { ledger, journal: Arc::new(journal), emf, clock, writing, reported, seen }
    }

    /// The journal in `folder`, or in memory if the folder cannot be written.
    pub fn journal(folder: &Path) -> UsageJournal {
        UsageJournal::in_folder(folder).unwrap_or_else(|error| {
            let folder = folder.display();
            tracing::warn!(%error, %folder, "usage journal not writable; keeping records in memory");
            UsageJournal::in_memory()
        })
    }

    /// Records `record`. Its response may be sent afterwards.
    pub fn keep(&self, record: UsageRecord) {
        self.emf.write(&record);
        if let Err(error) = self.journal.append(record) {
            tracing::error!(%error, "usage record not journaled; keeping it in memory");
        }
    }

    /// Whether metrics are written to standard output.
    pub fn writes_metrics(&self) -> bool {
        self.emf == EmfOutput::On
    }

    /// Writes the queue depth of each of `models` to standard output.
    pub fn report_queue_depth(&self, models: impl IntoIterator<Item = (String, usize)>) {
        depth::write(models, self.now());
    }

    /// Milliseconds since 1970.
    pub fn now(&self) -> u64 {
        u64::try_from(self.clock.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether this is the first call that this version of a model answers in this process.
    pub fn is_first(&self, model: &str, version: &str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.iter().any(|(of, is)| of == model && is == version);
        !known && seen.insert((model.to_owned(), version.to_owned()))
    }

    /// Writes all records until now to the ledger.
    ///
    /// # Errors
    /// An error of the ledger: the records stay in the journal.
    pub async fn flush(&self) -> Result<(), LedgerError> {
        let _writing = self.writing.lock().await;
        match self.claim(UsageJournal::closed).await {
            Some(closed) => self.write(closed).await,
            None => Ok(()),
        }
    }

    /// Flushes for a report: at most once in `MIN_REPORT_INTERVAL`, and once for all reports that wait.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub async fn flush_for_report(&self) -> Result<(), LedgerError> {
        let asked = Instant::now();
        let mut last = self.reported.lock().await;
        if last.is_some_and(|begun| begun > asked) {
            return Ok(());
        }
        if let Some(begun) = *last {
            tokio::time::sleep_until(begun + MIN_REPORT_INTERVAL).await;
        }
        let begun = Instant::now();
        self.flush().await?;
        *last = Some(begun);
        Ok(())
    }

    /// Writes records, and takes over journals of ended processes, until the future is dropped.
    pub async fn run(&self) {
        let (mut pause, mut looked) = (FLUSH_INTERVAL, None::<Instant>);
        loop {
            if looked.is_none_or(|looked| looked.elapsed() > TAKE_OVER_INTERVAL) {
                looked = Some(Instant::now());
                self.take_over().await;
            }
            sleep(pause).await;
            pause = match self.flush().await {
                Ok(()) => FLUSH_INTERVAL,
                Err(error) => {
                    tracing::warn!(%error, "usage not written; retrying");
                    (pause * 2).min(MAX_FLUSH_BACKOFF)
                }
            };
        }
    }

    /// Writes the remaining records before the process ends, within `FINAL_ATTEMPTS` attempts.
    pub async fn finish(&self) {
        for _ in 0..FINAL_ATTEMPTS {
            match timeout(FINAL_ATTEMPT_TIMEOUT, self.flush()).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::warn!(%error, "usage not written"),
                Err(_) => tracing::warn!("usage not written in time"),
            }
            sleep(FLUSH_INTERVAL / 4).await;
        }
        tracing::error!("usage left in the journal for the next process of this machine");
    }

    /// Writes the journals that ended processes have left.
    pub async fn take_over(&self) {
        let _writing = self.writing.lock().await;
        let Some(left) = self.claim(UsageJournal::left_by_others).await else { return };
        match self.write(left).await {
            Ok(()) => tracing::info!("usage of an ended process written"),
            Err(error) => tracing::warn!(%error, "usage of an ended process not written; retrying"),
        }
    }

    /// The batches that `read` finds in the journal, on a blocking thread.
    async fn claim(
        &self,
        read: impl FnOnce(&UsageJournal) -> io::Result<Vec<JournalBatch>> + Send + 'static,
    ) -> Option<ClaimedBatches> {
        let journal = Arc::clone(&self.journal);
        let found = tokio::task::spawn_blocking(move || ClaimedBatches::of(journal, read)).await;
        let found = found.unwrap_or_else(|error| Err(io::Error::other(error)));
        let found = found.inspect_err(|error| tracing::error!(%error, "usage journal not readable"));
        found.ok().filter(|claimed| !claimed.is_empty())
    }

    async fn write(&self, mut claimed: ClaimedBatches) -> Result<(), LedgerError> {
        loop {
            let reading = tokio::task::spawn_blocking(move || (claimed.first(), claimed)).await;
            let Ok((records, back)) = reading else { return Ok(()) };
            claimed = back;
            let records = match records {
                Ok(Some(records)) => records,
                Ok(None) => return Ok(()),
                Err(error) => {
                    tracing::error!(%error, "usage journal segment not readable");
                    return Ok(());
                }
            };
            self.write_batch(&records).await?;
            if let Err(error) = claimed.done() {
                tracing::warn!(%error, "written usage journal segment not deleted; writing it again");
                return Ok(());
            }
        }
    }

    async fn write_batch(&self, records: &[UsageRecord]) -> Result<(), LedgerError> {
        for records in records.chunks(MAX_BATCH_RECORDS) {
            let mut writes = Vec::with_capacity(records.len());
            let (mut late_days, mut calls) = (BTreeSet::new(), BTreeSet::new());
            for record in records {
                if !calls.insert((&record.tenant, &record.id)) || self.is_on_another_day(record).await? {
                    continue;
                }
                // From half of the bound on: clocks differ, and a write takes time.
                if self.now() > record.day().end() + LATE_AFTER_MS / 2 {
                    late_days.insert((record.tenant.clone(), record.day()));
                }
                let value = Bytes::from(serde_json::to_vec(record).unwrap_or_default());
                writes.push(LedgerWrite { key: place(record), value, ttl: RECORD_RETENTION });
            }
            // Before the records, so that a report that sums up the day meanwhile does not store its sum.
            let marks: Vec<_> = late_days.iter().map(|(tenant, day)| late(tenant, *day)).collect();
            self.ledger.write(&marks).await?;
            self.ledger.write(&writes).await?;
        }
        Ok(())
    }

    /// Whether the call of `record` is recorded on the other side of a nearby midnight.
    async fn is_on_another_day(&self, record: &UsageRecord) -> Result<bool, LedgerError> {
        if !record.repeatable {
            return Ok(false);
        }
        let (day, near) = (record.day(), u64::try_from(MIDNIGHT_WINDOW.as_millis()).unwrap_or_default());
        let other = if record.time + near >= day.end() {
            record.time + near
        } else if record.time < day.previous().end() + near {
            day.previous().end() - 1
        } else {
            return Ok(false);
        };
        let other = place(&UsageRecord { time: other, ..record.clone() });
        let Some(entry) = self.ledger.read(&other).await? else { return Ok(false) };
        // A key that is used again a day later names another call.
        let other = serde_json::from_slice::<UsageRecord>(&entry.value).map_or(record.time, |other| other.time);
        Ok(other.abs_diff(record.time) <= near * 2)
    }
}

impl fmt::Debug for UsageMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("journal", &self.journal).finish_non_exhaustive()
    }
}

/// The least time between two flushes for reports.
const MIN_REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// The time between two flushes.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
const MAX_FLUSH_BACKOFF: Duration = Duration::from_secs(30);
/// The time between two searches for journals of ended processes.
const TAKE_OVER_INTERVAL: Duration = Duration::from_secs(30);
/// Bounds the records of one write.
const MAX_BATCH_RECORDS: usize = 500;
/// How long a record is stored: a year, and time to review it.
const RECORD_RETENTION: Duration = Duration::from_hours(24 * 400);
/// How near to midnight a repeated call may have been recorded on the other day: longer than the SDK retries a call.
const MIDNIGHT_WINDOW: Duration = Duration::from_mins(20);
/// Bounds the last flush: 2 × 2 s, of the 30 s that ECS allows for a shutdown and the 0.5 s that Lambda allows.
const FINAL_ATTEMPTS: u32 = 2;
const FINAL_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
