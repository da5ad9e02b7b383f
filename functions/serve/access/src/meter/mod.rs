//! Metering: one usage record for each answered call, from a journal on this machine's disk into the ledger, and reports from there.

mod day;
mod depth;
mod emf;
mod journal;
mod record;
mod report;
mod writer;

pub use self::day::{UtcDay, UtcDayError};
pub use self::depth::QUEUE_DEPTH_INTERVAL;
pub use self::emf::EmfOutput;
pub use self::journal::UsageJournal;
pub use self::record::UsageRecord;
pub use self::report::{ReportError, report};
pub use self::writer::UsageMeter;
