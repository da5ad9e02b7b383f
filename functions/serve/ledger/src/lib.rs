//! State that outlives a call, behind one interface: in memory, in a SQLite file, or in a DynamoDB table.
//!
//! A ledger holds small entries with an expiry, and counters. An entry changes only for a writer that knows its revision (optimistic
//! concurrency), so one of several processes wins; a counter is incremented atomically, up to a ceiling. A reader of the ledger sees
//! tenants, their limits and their usage. It sees no API key and no response: a call's name is a digest that only functions can
//! compute, and its response is ciphertext. No operation scans: entries are read by name, or in order within their partition.
//!
//! Written by hand: it is the narrowest interface that leases, quotas and metering need, and no crate covers all three back ends.

mod clock;
mod counter;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod entry;
mod error;
mod high_water_mark;
mod idempotency_store;
mod ledger;
mod location;
mod memory;
mod open;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use self::clock::Clock;
pub use self::counter::{CounterOutcome, CounterUpdate};
#[cfg(feature = "dynamodb")]
pub use self::dynamodb::DynamoDbLedger;
pub use self::entry::{LedgerEntry, LedgerKey, LedgerWrite, ListedEntry, Revision};
pub use self::error::{LedgerError, MAX_VALUE_BYTES};
pub use self::high_water_mark::HighWaterMark;
pub use self::idempotency_store::{BeginOutcome, IdempotencyStore, Lease, OnceMarker};
pub use self::ledger::{InsertOutcome, Ledger, NO_EXPIRY, all};
pub use self::location::LedgerLocation;
pub use self::memory::MemoryLedger;
pub use self::open::open;
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteLedger;
