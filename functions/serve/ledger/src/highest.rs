//! Monotonic registers: the highest number that any process has seen of something, so that an older state of it is
//! recognised by processes that never saw the newer one.

use std::sync::Arc;

use crate::counter::{Count, Counted};
use crate::entry::Key;
use crate::error::LedgerError;
use crate::ledger::{FOREVER, Ledger};

/// The highest numbers, in a ledger.
#[derive(Clone, Debug)]
pub struct Highest(Arc<dyn Ledger>);

impl Highest {
    /// The numbers in `ledger`.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self(ledger)
    }

    /// The highest number of `key`, `seen` included. It is raised in one step, and never lowered.
    pub async fn with(&self, key: &Key, seen: u64) -> Result<u64, LedgerError> {
        // What no counter can hold is higher than any that was seen, and is not kept.
        let Ok(floor) = i64::try_from(seen) else { return Ok(seen) };
        let count = Count { amount: 0, floor, ceiling: i64::MAX, lives: FOREVER };
        let (Counted::Now(highest) | Counted::Full(highest)) = self.0.count(key, count).await?;
        Ok(u64::try_from(highest).unwrap_or_default().max(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::memory::Memory;
    use crate::sqlite::Sqlite;

    #[tokio::test]
    async fn a_register_only_rises() {
        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = Sqlite::open(&folder.path().join("ledger"), Clock::default()).await.expect("opened");
        for ledger in [Arc::new(Memory::default()) as Arc<dyn Ledger>, Arc::new(sqlite)] {
            let (first, second) = (Highest::new(Arc::clone(&ledger)), Highest::new(ledger));
            let (key, other) = (Key::new("sealing/m", "serial"), Key::new("sealing/n", "serial"));
            for (seen, highest) in [(5, 5), (7, 7), (6, 7), (7, 7), (0, 7), (9, 9), (u64::MAX, u64::MAX), (1, 9)] {
                assert_eq!(first.with(&key, seen).await.expect("reached"), highest, "{seen}");
            }
            assert_eq!(second.with(&key, 8).await.expect("reached"), 9);
            assert_eq!(second.with(&other, 3).await.expect("reached"), 3);
        }
    }
}
