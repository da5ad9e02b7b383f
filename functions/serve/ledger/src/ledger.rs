//! The interface of a ledger's back ends.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::counter::{CounterOutcome, CounterUpdate};
use crate::entry::{LedgerEntry, LedgerKey, LedgerWrite, ListedEntry, Revision};
use crate::error::{LedgerError, MAX_VALUE_BYTES};

/// Small entries with a time to live, and counters.
///
/// An expired entry does not exist, whether or not it has been removed yet. Some back ends count whole seconds, so an entry may live up
/// to a second longer than asked for.
///
/// ```
/// use std::time::Duration;
///
/// use amaas_ledger::{InsertOutcome, LedgerKey, Ledger, MemoryLedger};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (ledger, key) = (MemoryLedger::default(), LedgerKey::new("calls/7", "head"));
/// let InsertOutcome::New(revision) = ledger.insert(&key, "running".into(), Duration::from_secs(15)).await? else { panic!() };
/// assert!(matches!(ledger.insert(&key, "me too".into(), Duration::from_secs(15)).await?, InsertOutcome::Exists(_)));
/// ledger.replace(&key, revision, "done".into(), Duration::from_secs(60)).await?.expect("the revision is current");
/// assert_eq!(ledger.read(&key).await?.expect("an entry").value, "done");
/// # Ok::<(), amaas_ledger::LedgerError>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Ledger: fmt::Debug + Send + Sync {
    /// The entry of `key`, as it was last written.
    ///
    /// # Errors
    /// [`LedgerError`], as for each method.
    async fn read(&self, key: &LedgerKey) -> Result<Option<LedgerEntry>, LedgerError>;

    /// Writes an entry unless there is one. The value has at most [`MAX_VALUE_BYTES`].
    async fn insert(&self, key: &LedgerKey, value: Bytes, ttl: Duration) -> Result<InsertOutcome, LedgerError>;

    /// Replaces the entry with `revision`, and returns the new revision; `None` if that entry no longer exists.
    async fn replace(
        &self,
        key: &LedgerKey,
        revision: Revision,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Option<Revision>, LedgerError>;

    /// Sets the time to live of the entry with `revision`, which it keeps; whether the entry exists.
    async fn extend(&self, key: &LedgerKey, revision: Revision, ttl: Duration) -> Result<bool, LedgerError>;

    /// Removes the entry with `revision`; whether it existed.
    async fn remove(&self, key: &LedgerKey, revision: Revision) -> Result<bool, LedgerError>;

    /// Writes entries unconditionally. After an error some of them may be written; writing all of them again is safe.
    async fn write(&self, entries: &[LedgerWrite]) -> Result<(), LedgerError>;

    /// The first `limit` entries of `partition` with a sort key above `after`, in byte order.
    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<ListedEntry>, LedgerError>;

    /// Increments a counter, unless that would exceed its ceiling. Counters and entries do not share keys.
    ///
    /// If a response is lost, the counter may have been incremented twice, and never less than asked for: a negative increment is sent
    /// once.
    async fn count(&self, key: &LedgerKey, count: CounterUpdate) -> Result<CounterOutcome, LedgerError>;
}

/// Every entry of `partition`, in order.
///
/// # Errors
/// [`LedgerError`].
pub async fn all(ledger: &dyn Ledger, partition: &str) -> Result<Vec<ListedEntry>, LedgerError> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = ledger.list(partition, &after, PAGE_SIZE).await?;
        let Some(last) = page.last().filter(|_| page.len() == PAGE_SIZE).map(|last| last.sort.clone()) else {
            all.extend(page);
            return Ok(all);
        };
        all.extend(page);
        after = last;
    }
}

/// The outcome of an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InsertOutcome {
    /// The entry was written.
    New(Revision),
    /// There is an entry already.
    Exists(LedgerEntry),
}

/// The time to live of an entry that does not expire: 136 years.
pub const NO_EXPIRY: Duration = Duration::from_secs(u32::MAX as u64);
const PAGE_SIZE: usize = 1000;

/// Refuses a value above the bound.
pub(crate) fn bounded(value: &[u8]) -> Result<(), LedgerError> {
    if value.len() > MAX_VALUE_BYTES { Err(LedgerError::TooLarge { got: value.len() }) } else { Ok(()) }
}
