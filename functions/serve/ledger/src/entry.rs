//! What a ledger holds.

use std::time::Duration;

use bytes::Bytes;

use crate::error::LedgerError;

/// Names an entry. Entries of one partition belong together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    partition: String,
    sort: String,
}

impl Key {
    /// The entry `sort` of `partition`; neither may be empty.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        let (partition, sort) = (partition.into(), sort.into());
        debug_assert!(!partition.is_empty() && !sort.is_empty(), "DynamoDB takes no empty key");
        Self { partition, sort }
    }

    /// Comes before those of `partition` that come behind `after`, and behind all others before them; no entry has it.
    pub(super) fn behind(partition: &str, after: &str) -> Self {
        Self { partition: partition.to_owned(), sort: after.to_owned() }
    }

    /// What it belongs to.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// Which one of these it is.
    pub fn sort(&self) -> &str {
        &self.sort
    }
}

/// An entry, as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it holds.
    pub value: Bytes,
    /// Tells it from what stood or will stand in its place.
    pub revision: Revision,
}

/// An entry among those of its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which one it is.
    pub sort: String,
    /// What is there.
    pub entry: Entry,
}

/// An entry that is written whatever stands in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its name.
    pub key: Key,
    /// What it holds.
    pub value: Bytes,
    /// How long it lives.
    pub lives: Duration,
}

/// Tells an entry from others of the same name: random, since one that was taken away may be written again.
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
