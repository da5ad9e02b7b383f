//! The interface of a ledger.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::counter::{Count, Counted};
use crate::entry::{Entry, Key, Listed, Revision, Write};
use crate::error::{LedgerError, VALUE_BYTES};

/// Small entries with an end.
///
/// An entry that is past its end is as good as gone, whether or not it has been taken away. Ends count whole seconds in some ledgers,
/// so an entry may live up to a second longer than it was asked to.
///
/// ```
/// use std::time::Duration;
///
/// use amaas_ledger::{Inserted, Key, Ledger, Memory};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (ledger, key) = (Memory::default(), Key::new("calls/7", "head"));
/// let Inserted::New(revision) = ledger.insert(&key, "running".into(), Duration::from_secs(15)).await? else { panic!() };
/// assert!(matches!(ledger.insert(&key, "me too".into(), Duration::from_secs(15)).await?, Inserted::Exists(_)));
/// ledger.replace(&key, revision, "done".into(), Duration::from_secs(60)).await?.expect("nobody else had it");
/// assert_eq!(ledger.read(&key).await?.expect("it is there").value, "done");
/// # Ok::<(), amaas_ledger::LedgerError>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Ledger: fmt::Debug + Send + Sync {
    /// The entry of `key`, as it was last written.
    ///
    /// # Errors
    /// [`LedgerError`], as with each of these.
    async fn read(&self, key: &Key) -> Result<Option<Entry>, LedgerError>;

    /// Writes an entry where there is none. At most [`VALUE_BYTES`] of value.
    async fn insert(&self, key: &Key, value: Bytes, lives: Duration) -> Result<Inserted, LedgerError>;

    /// Writes an entry in the place of the one with `revision`, and gives the new one's; nothing where that one is no more.
    async fn replace(
        &self,
        key: &Key,
        revision: Revision,
        value: Bytes,
        lives: Duration,
    ) -> Result<Option<Revision>, LedgerError>;

    /// Has the entry with `revision` live for `lives` from now on, with the same revision; whether it was there.
    async fn extend(&self, key: &Key, revision: Revision, lives: Duration) -> Result<bool, LedgerError>;

    /// Takes the entry with `revision` away; whether it was there.
    async fn remove(&self, key: &Key, revision: Revision) -> Result<bool, LedgerError>;

    /// Writes entries, whatever stands in their places. After an error some of them may be written: it is to be asked again.
    async fn write(&self, entries: &[Write]) -> Result<(), LedgerError>;

    /// The entries of `partition` whose sort comes behind `after`, in the order of their bytes: the first `limit` of them.
    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<Listed>, LedgerError>;

    /// Adds to a counter, unless that would take it over its ceiling. Counters and entries do not share names.
    ///
    /// Where an answer is lost on its way, it can be that more was added than was asked for, and never less: what is given back is sent
    /// once.
    async fn count(&self, key: &Key, count: Count) -> Result<Counted, LedgerError>;
}

/// Every entry of `partition`, in order.
///
/// # Errors
/// [`LedgerError`].
pub async fn all(ledger: &dyn Ledger, partition: &str) -> Result<Vec<Listed>, LedgerError> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = ledger.list(partition, &after, PAGE).await?;
        let Some(last) = page.last().filter(|_| page.len() == PAGE).map(|last| last.sort.clone()) else {
            all.extend(page);
            return Ok(all);
        };
        all.extend(page);
        after = last;
    }
}

/// What became of an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was written.
    New(Revision),
    /// There is one.
    Exists(Entry),
}

/// How long what has no end lives: 136 years.
pub const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);
const PAGE: usize = 1000;

/// Refuses a value that is too large.
pub(crate) fn bounded(value: &[u8]) -> Result<(), LedgerError> {
    if value.len() > VALUE_BYTES { Err(LedgerError::TooLarge { got: value.len() }) } else { Ok(()) }
}
