//! What is kept of calls from one to the next, behind one interface: in memory, in a SQLite file, or in a table of DynamoDB.
//!
//! A ledger holds small entries with an end, and counters. An entry changes only for whoever knows its revision, so that of many
//! processes one has its way; a counter is added to in one step, up to a ceiling. Who can read it sees tenants, their limits and what
//! they used; of keys and answers it sees nothing: what names a call is a digest that only functions can make, and its answer is
//! ciphertext. Nothing here scans: entries are read by name, or in order within their partition.

mod calls;
mod clock;
mod counter;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod entry;
mod error;
mod highest;
mod ledger;
mod location;
mod memory;
mod open;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use self::calls::{Begun, Calls, Once, Place};
pub use self::clock::Clock;
pub use self::counter::{Count, Counted};
#[cfg(feature = "dynamodb")]
pub use self::dynamodb::DynamoDb;
pub use self::entry::{Entry, Key, Listed, Revision, Write};
pub use self::error::{LedgerError, VALUE_BYTES};
pub use self::highest::Highest;
pub use self::ledger::{FOREVER, Inserted, Ledger, all};
pub use self::location::LedgerLocation;
pub use self::memory::Memory;
pub use self::open::open;
#[cfg(feature = "sqlite")]
pub use self::sqlite::Sqlite;
