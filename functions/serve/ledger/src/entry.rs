//! Entries of a ledger: keys, values, revisions.

use std::time::Duration;

use bytes::Bytes;

use crate::error::LedgerError;

/// The key of an entry. Entries of one partition are listed together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerKey {
    partition: String,
    sort: String,
}

impl LedgerKey {
    /// The entry `sort` of `partition`; neither may be empty.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        let (partition, sort) = (partition.into(), sort.into());
        debug_assert!(!partition.is_empty() && !sort.is_empty(), "DynamoDB takes no empty key");
        Self { partition, sort }
    }

    /// The lower bound of a listing: `partition`'s entries after `after`. No entry has this key.
    pub(super) fn behind(partition: &str, after: &str) -> Self {
        Self { partition: partition.to_owned(), sort: after.to_owned() }
    }

    /// The partition.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// The sort key within the partition.
    pub fn sort(&self) -> &str {
        &self.sort
    }
}

/// An entry as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The value.
    pub value: Bytes,
    /// Identifies this state of the entry.
    pub revision: Revision,
}

/// An entry in a listing of its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEntry {
    /// The sort key.
    pub sort: String,
    /// The entry.
    pub entry: LedgerEntry,
}

/// An unconditional write of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerWrite {
    /// The key.
    pub key: LedgerKey,
    /// The value.
    pub value: Bytes,
    /// The time to live.
    pub ttl: Duration,
}

/// The state of an entry. It is random, so that a removed entry that is written again has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revision(u64);

impl Revision {
    pub(super) fn draw() -> Result<Self, LedgerError> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|_| LedgerError::Random)?;
        Ok(Self(u64::from_be_bytes(bytes)))
    }

    pub(super) fn from_number(number: u64) -> Self {
        Self(number)
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }
}
