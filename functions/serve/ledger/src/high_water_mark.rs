//! High-water marks (monotonic registers): the highest serial that any process has seen, so that a process that never saw the newer
//! state recognises a rollback.

use std::sync::Arc;

use crate::counter::{CounterOutcome, CounterUpdate};
use crate::entry::LedgerKey;
use crate::error::LedgerError;
use crate::ledger::{Ledger, NO_EXPIRY};

/// The high-water marks in a ledger.
#[derive(Clone, Debug)]
pub struct HighWaterMark(Arc<dyn Ledger>);

impl HighWaterMark {
    /// The marks in `ledger`.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self(ledger)
    }

    /// The highest number of `key`, `seen` included. It is raised atomically, and never lowered.
    pub async fn with(&self, key: &LedgerKey, seen: u64) -> Result<u64, LedgerError> {
        // A number that no counter can hold is higher than any that was seen, and is not stored.
        let Ok(floor) = i64::try_from(seen) else { return Ok(seen) };
        let count = CounterUpdate { amount: 0, floor, ceiling: i64::MAX, ttl: NO_EXPIRY };
        let (CounterOutcome::Now(highest) | CounterOutcome::Full(highest)) = self.0.count(key, count).await?;
        Ok(u64::try_from(highest).unwrap_or_default().max(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::memory::MemoryLedger;
    use crate::sqlite::SqliteLedger;

    #[tokio::test]
    async fn a_register_only_rises() {
        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = SqliteLedger::open(&folder.path().join("ledger"), Clock::default()).await.expect("opened");
        for ledger in [Arc::new(MemoryLedger::default()) as Arc<dyn Ledger>, Arc::new(sqlite)] {
            let (first, second) = (HighWaterMark::new(Arc::clone(&ledger)), HighWaterMark::new(ledger));
            let (key, other) = (LedgerKey::new("sealing/m", "serial"), LedgerKey::new("sealing/n", "serial"));
            for (seen, highest) in [(5, 5), (7, 7), (6, 7), (7, 7), (0, 7), (9, 9), (u64::MAX, u64::MAX), (1, 9)] {
                assert_eq!(first.with(&key, seen).await.expect("reached"), highest, "{seen}");
            }
            assert_eq!(second.with(&key, 8).await.expect("reached"), 9);
            assert_eq!(second.with(&other, 3).await.expect("reached"), 3);
        }
    }
}
