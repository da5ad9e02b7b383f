//! Brings records from the journal into the ledger.
//!
//! A record stands under its tenant, its day and its id, so one that is written twice is there once. A call that had to run again after
//! midnight, because its process was killed before it, would stand on two days: so what falls near midnight is looked for on the other
//! side first.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::journal::{Batch, Claimed};
use super::report::{LATE, late, place};
use super::{Emf, Journal, Record, depth};
use amaas_ledger::{Clock, Ledger, LedgerError, Write};

/// Keeps records, and brings them into the ledger.
pub struct Meter {
    ledger: Arc<dyn Ledger>,
    journal: Arc<Journal>,
    emf: Emf,
    clock: Clock,
    /// Held by whoever writes.
    writing: tokio::sync::Mutex<()>,
    /// When the last flush for a report was begun; held by whoever does one.
    reported: tokio::sync::Mutex<Option<Instant>>,
    /// Models whose load was told of.
    told: Mutex<BTreeSet<(String, String)>>,
}

impl Meter {
    /// Records usage in `ledger` through `journal`.
    pub fn new(ledger: Arc<dyn Ledger>, journal: Journal, emf: Emf, clock: Clock) -> Self {
        let (writing, reported, told) =
            (tokio::sync::Mutex::default(), tokio::sync::Mutex::default(), Mutex::default());
        Self { ledger, journal: Arc::new(journal), emf, clock, writing, reported, told }
    }

    /// The journal in `folder`, or in memory where that cannot be written.
    pub fn journal(folder: &Path) -> Journal {
        Journal::in_folder(folder).unwrap_or_else(|error| {
            let folder = folder.display();
            tracing::warn!(%error, %folder, "usage is kept in memory: what a killed process has not written is lost");
            Journal::in_memory()
        })
    }

    /// Keeps `record`. Its answer may leave then.
    pub fn keep(&self, record: Record) {
        self.emf.tell(&record);
        if let Err(error) = self.journal.append(record) {
            tracing::error!(%error, "a record is kept in memory: it is lost where the process is killed");
        }
    }

    /// Whether each call has a line on standard output.
    pub fn tells(&self) -> bool {
        self.emf == Emf::On
    }

    /// Has a line on standard output say what waits for each of `models`.
    pub fn tell_depth(&self, models: impl IntoIterator<Item = (String, usize)>) {
        depth::tell(models, self.now());
    }

    /// Milliseconds since 1970.
    pub fn now(&self) -> u64 {
        u64::try_from(self.clock.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether this is the first call that a version of a model answers here.
    pub fn is_first(&self, model: &str, version: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let known = told.iter().any(|(of, is)| of == model && is == version);
        !known && told.insert((model.to_owned(), version.to_owned()))
    }

    /// Writes what was kept until now.
    ///
    /// # Errors
    /// When the ledger cannot be reached: all of it stays here.
    pub async fn flush(&self) -> Result<(), LedgerError> {
        let _writing = self.writing.lock().await;
        match self.claim(Journal::closed).await {
            Some(closed) => self.write(closed).await,
            None => Ok(()),
        }
    }

    /// Writes what was kept until now for a report: at most once in [`BETWEEN_REPORTS`], and one time for all who asked meanwhile.
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
            tokio::time::sleep_until(begun + BETWEEN_REPORTS).await;
        }
        let begun = Instant::now();
        self.flush().await?;
        *last = Some(begun);
        Ok(())
    }

    /// Writes what was kept, and what processes that are gone have left, for as long as the process lives.
    pub async fn run(&self) {
        let (mut pause, mut looked) = (PAUSE, None::<Instant>);
        loop {
            if looked.is_none_or(|looked| looked.elapsed() > LOOK) {
                looked = Some(Instant::now());
                self.take_over().await;
            }
            sleep(pause).await;
            pause = match self.flush().await {
                Ok(()) => PAUSE,
                Err(error) => {
                    tracing::warn!(%error, "usage waits for the ledger");
                    (pause * 2).min(LONGEST_PAUSE)
                }
            };
        }
    }

    /// Writes what was kept, as well as it can be done before the process ends.
    pub async fn finish(&self) {
        for _ in 0..LAST_TRIES {
            match timeout(LAST_TRY, self.flush()).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::warn!(%error, "usage could not be written"),
                Err(_) => tracing::warn!("the ledger did not take usage in time"),
            }
            sleep(PAUSE / 4).await;
        }
        tracing::error!("usage is left in the journal, for the next process of this machine");
    }

    /// Writes what processes that are gone have left.
    pub async fn take_over(&self) {
        let _writing = self.writing.lock().await;
        let Some(left) = self.claim(Journal::left_by_others).await else { return };
        match self.write(left).await {
            Ok(()) => tracing::info!("usage of a process that was killed is in the ledger"),
            Err(error) => tracing::warn!(%error, "usage of a process that was killed waits for the ledger"),
        }
    }

    /// What `read` finds in the journal, which it may wait for the disk for.
    async fn claim(&self, read: impl FnOnce(&Journal) -> io::Result<Vec<Batch>> + Send + 'static) -> Option<Claimed> {
        let journal = Arc::clone(&self.journal);
        let found = tokio::task::spawn_blocking(move || Claimed::of(journal, read)).await;
        let found = found.unwrap_or_else(|error| Err(io::Error::other(error)));
        let found = found.inspect_err(|error| tracing::error!(%error, "the journal could not be read"));
        found.ok().filter(|claimed| !claimed.is_empty())
    }

    async fn write(&self, mut claimed: Claimed) -> Result<(), LedgerError> {
        loop {
            let reading = tokio::task::spawn_blocking(move || (claimed.first(), claimed)).await;
            let Ok((records, back)) = reading else { return Ok(()) };
            claimed = back;
            let records = match records {
                Ok(Some(records)) => records,
                Ok(None) => return Ok(()),
                Err(error) => {
                    tracing::error!(%error, "a segment of the journal could not be read");
                    return Ok(());
                }
            };
            self.write_batch(&records).await?;
            if let Err(error) = claimed.done() {
                tracing::warn!(%error, "what is in the ledger could not be deleted here; it is written again");
                return Ok(());
            }
        }
    }

    async fn write_batch(&self, records: &[Record]) -> Result<(), LedgerError> {
        for records in records.chunks(TOGETHER) {
            let mut writes = Vec::with_capacity(records.len());
            let (mut late_days, mut calls) = (BTreeSet::new(), BTreeSet::new());
            for record in records {
                if !calls.insert((&record.tenant, &record.id)) || self.is_on_another_day(record).await? {
                    continue;
                }
                // From half of it on: clocks differ, and a write takes its time.
                if self.now() > record.day().end() + LATE / 2 {
                    late_days.insert((record.tenant.clone(), record.day()));
                }
                let value = Bytes::from(serde_json::to_vec(record).unwrap_or_default());
                writes.push(Write { key: place(record), value, lives: KEPT });
            }
            // Before the records: whoever sums up a day meanwhile does not keep the sum.
            let marks: Vec<_> = late_days.iter().map(|(tenant, day)| late(tenant, *day)).collect();
            self.ledger.write(&marks).await?;
            self.ledger.write(&writes).await?;
        }
        Ok(())
    }

    /// Whether the call of `record` stands on the other side of a midnight that is near.
    async fn is_on_another_day(&self, record: &Record) -> Result<bool, LedgerError> {
        if !record.repeatable {
            return Ok(false);
        }
        let (day, near) = (record.day(), u64::try_from(NEAR.as_millis()).unwrap_or_default());
        let other = if record.time + near >= day.end() {
            record.time + near
        } else if record.time < day.previous().end() + near {
            day.previous().end() - 1
        } else {
            return Ok(false);
        };
        let other = place(&Record { time: other, ..record.clone() });
        let Some(entry) = self.ledger.read(&other).await? else { return Ok(false) };
        // A key that is used again a day later names another call.
        let other = serde_json::from_slice::<Record>(&entry.value).map_or(record.time, |other| other.time);
        Ok(other.abs_diff(record.time) <= near * 2)
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("journal", &self.journal).finish_non_exhaustive()
    }
}

/// The least time between two flushes for reports.
const BETWEEN_REPORTS: Duration = Duration::from_secs(1);
/// How long records are gathered.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often it is looked for what others left.
const LOOK: Duration = Duration::from_secs(30);
/// How many records are written at once, at most.
const TOGETHER: usize = 500;
/// How long a record is kept: a year, and time to look at it.
const KEPT: Duration = Duration::from_hours(24 * 400);
/// How near to midnight a call has to be answered that may have been answered on the day before, too: longer than the SDK goes on with
/// one.
const NEAR: Duration = Duration::from_mins(20);
/// What a process that stops takes for it at most: 2 × 2 s, of the 30 s that ECS gives and the 0.5 s that Lambda does.
const LAST_TRIES: u32 = 2;
const LAST_TRY: Duration = Duration::from_secs(2);
