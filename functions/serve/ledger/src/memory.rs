//! A ledger in the memory of this process.
//!
//! It is bounded in bytes. Entries with a long time to live are a convenience, and the oldest are evicted first. Entries that live for
//! [`MAX_PINNED_TTL`] at most are promises, such as leases, and are never evicted; nor are entries that do not expire.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::clock::Clock;
use crate::counter::{CounterOutcome, CounterUpdate};
use crate::entry::{LedgerEntry, LedgerKey, LedgerWrite, ListedEntry, Revision};
use crate::error::LedgerError;
use crate::ledger::{InsertOutcome, Ledger, NO_EXPIRY, bounded};

/// A ledger in memory, which ends with the process.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    entries: Mutex<EntryMap>,
    clock: Clock,
}

impl MemoryLedger {
    /// A ledger with this `clock`.
    pub fn new(clock: Clock) -> Self {
        Self { entries: Mutex::default(), clock }
    }

    /// Runs `work` on the entries that have not expired.
    fn with<T>(&self, work: impl FnOnce(&mut EntryMap, Duration) -> T) -> T {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        entries.end(now);
        work(&mut entries, now)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn read(&self, key: &LedgerKey) -> Result<Option<LedgerEntry>, LedgerError> {
        Ok(self.with(|entries, _| entries.by_key.get(key).map(|stored| stored.entry.clone())))
    }

    async fn insert(&self, key: &LedgerKey, value: Bytes, ttl: Duration) -> Result<InsertOutcome, LedgerError> {
        bounded(&value)?;
        let revision = Revision::draw()?;
        Ok(self.with(|entries, now| {
            if let Some(stored) = entries.by_key.get(key) {
                return InsertOutcome::Exists(stored.entry.clone());
            }
            entries.put(key, LedgerEntry { value, revision }, now, ttl);
            InsertOutcome::New(revision)
        }))
    }

    async fn replace(
        &self,
        key: &LedgerKey,
        revision: Revision,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Option<Revision>, LedgerError> {
        bounded(&value)?;
        let new = Revision::draw()?;
        Ok(self.with(|entries, now| {
            entries.take(key, revision)?;
            entries.put(key, LedgerEntry { value, revision: new }, now, ttl);
            Some(new)
        }))
    }

    async fn extend(&self, key: &LedgerKey, revision: Revision, ttl: Duration) -> Result<bool, LedgerError> {
        Ok(self.with(|entries, now| {
            let entry = entries.take(key, revision);
            let was_there = entry.is_some();
            if let Some(entry) = entry {
                entries.put(key, entry, now, ttl);
            }
            was_there
        }))
    }

    async fn remove(&self, key: &LedgerKey, revision: Revision) -> Result<bool, LedgerError> {
        Ok(self.with(|entries, _| entries.take(key, revision).is_some()))
    }

    async fn write(&self, writes: &[LedgerWrite]) -> Result<(), LedgerError> {
        writes.iter().try_for_each(|write| bounded(&write.value))?;
        for LedgerWrite { key, value, ttl } in writes {
            let entry = LedgerEntry { value: value.clone(), revision: Revision::draw()? };
            self.with(|entries, now| {
                entries.drop(key);
                entries.put(key, entry, now, *ttl);
            });
        }
        Ok(())
    }

    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<ListedEntry>, LedgerError> {
        Ok(self.with(|entries, _| {
            let from = (Bound::Excluded(LedgerKey::behind(partition, after)), Bound::Unbounded);
            let listed = entries.by_key.range(from).take_while(|(key, _)| key.partition() == partition);
            let listed =
                listed.map(|(key, stored)| ListedEntry { sort: key.sort().to_owned(), entry: stored.entry.clone() });
            listed.take(limit).collect()
        }))
    }

    async fn count(&self, key: &LedgerKey, count: CounterUpdate) -> Result<CounterOutcome, LedgerError> {
        let revision = Revision::draw()?;
        Ok(self.with(|entries, now| {
            let value = entries.by_key.get(key).and_then(|stored| number(&stored.entry.value));
            let counted = count.on(value);
            if let CounterOutcome::Now(sum) = counted {
                entries.drop(key);
                let value = Bytes::copy_from_slice(&sum.to_be_bytes());
                entries.put(key, LedgerEntry { value, revision }, now, count.ttl);
            }
            counted
        }))
    }
}

/// A counter as an entry.
fn number(value: &[u8]) -> Option<i64> {
    value.try_into().ok().map(i64::from_be_bytes)
}

#[derive(Debug, Default)]
struct EntryMap {
    by_key: BTreeMap<Arc<LedgerKey>, MemoryEntry>,
    /// By expiry, then by age.
    by_end: BTreeMap<(Duration, u64), Arc<LedgerKey>>,
    /// Entries that may be evicted, oldest first.
    long_lived: BTreeMap<u64, Arc<LedgerKey>>,
    bytes: usize,
    written: u64,
}

#[derive(Debug)]
struct MemoryEntry {
    entry: LedgerEntry,
    end: Duration,
    age: u64,
}

impl EntryMap {
    fn put(&mut self, key: &LedgerKey, entry: LedgerEntry, now: Duration, ttl: Duration) {
        let (key, end, age) = (Arc::new(key.clone()), now + ttl, self.written);
        self.written += 1;
        self.bytes += size(&entry);
        while self.bytes > MAX_BYTES
            && let Some((_, oldest)) = self.long_lived.pop_first()
        {
            self.drop(&oldest);
        }
        self.by_end.insert((end, age), Arc::clone(&key));
        if ttl > MAX_PINNED_TTL && ttl < NO_EXPIRY {
            self.long_lived.insert(age, Arc::clone(&key));
        }
        self.by_key.insert(key, MemoryEntry { entry, end, age });
    }

    fn take(&mut self, key: &LedgerKey, revision: Revision) -> Option<LedgerEntry> {
        self.by_key.get(key).filter(|stored| stored.entry.revision == revision)?;
        self.drop(key)
    }

    fn drop(&mut self, key: &LedgerKey) -> Option<LedgerEntry> {
        let stored = self.by_key.remove(key)?;
        self.by_end.remove(&(stored.end, stored.age));
        self.long_lived.remove(&stored.age);
        self.bytes -= size(&stored.entry);
        Some(stored.entry)
    }

    /// Removes expired entries.
    fn end(&mut self, now: Duration) {
        while let Some(((end, _), key)) = self.by_end.first_key_value()
            && *end <= now
        {
            let key = Arc::clone(key);
            self.drop(&key);
        }
    }
}

fn size(entry: &LedgerEntry) -> usize {
    entry.value.len() + ENTRY_OVERHEAD
}

/// Bounds all entries together; the stored response of a prediction has some hundred bytes.
const MAX_BYTES: usize = 64 << 20;
/// The approximate size of an entry beside its value.
const ENTRY_OVERHEAD: usize = 512;
/// Entries with a time to live up to this are not evicted.
const MAX_PINNED_TTL: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    async fn insert(memory: &MemoryLedger, name: &str, ttl: Duration) -> bool {
        let value = Bytes::from(vec![0; 256 << 10]);
        matches!(memory.insert(&LedgerKey::new(name, "x"), value, ttl).await, Ok(InsertOutcome::New(_)))
    }

    #[tokio::test]
    async fn the_oldest_make_room_but_no_promise_is_forgotten() {
        let memory = MemoryLedger::default();
        assert!(insert(&memory, "promise", MAX_PINNED_TTL).await);
        for index in 0..512 {
            assert!(insert(&memory, &index.to_string(), DAY).await);
            assert!(memory.with(|entries, _| entries.bytes) <= MAX_BYTES);
        }
        assert!(!insert(&memory, "promise", MAX_PINNED_TTL).await);
        assert!(!insert(&memory, "511", DAY).await);
        assert!(insert(&memory, "0", DAY).await);
    }

    #[tokio::test]
    async fn nothing_is_left_of_what_has_ended() {
        let time = Arc::new(Mutex::new(DAY));
        let hand = Arc::clone(&time);
        let memory = MemoryLedger::new(Clock::new(move || *hand.lock().expect("not poisoned")));
        for (name, ttl) in [("a", DAY), ("b", MAX_PINNED_TTL), ("c", DAY * 2)] {
            assert!(insert(&memory, name, ttl).await);
        }
        *time.lock().expect("not poisoned") += DAY * 3;
        memory.with(|entries, _| {
            assert_eq!(
                (entries.bytes, entries.by_key.len(), entries.by_end.len(), entries.long_lived.len()),
                (0, 0, 0, 0)
            );
        });
    }
}
