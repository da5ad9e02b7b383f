//! What calls are counted as: one record for each call that was answered, from a journal on this machine's disk into the ledger, and
//! what can be read of them there.

mod day;
mod depth;
mod emf;
mod journal;
mod record;
mod report;
mod writer;

pub use self::day::{Day, DayError};
pub use self::depth::EVERY;
pub use self::emf::Emf;
pub use self::journal::Journal;
pub use self::record::Record;
pub use self::report::{ReportError, report};
pub use self::writer::Meter;
