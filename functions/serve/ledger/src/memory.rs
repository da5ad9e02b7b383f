//! A ledger in the memory of this process.
//!
//! It is bounded in bytes. What is to live for long is a convenience, and the oldest of it makes room; what is to live for
//! [`BRIEF`] at most is somebody's promise, such as a lease, and is never forgotten early, nor is what has no end.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::clock::Clock;
use crate::counter::{Count, Counted};
use crate::entry::{Entry, Key, Listed, Revision, Write};
use crate::error::LedgerError;
use crate::ledger::{FOREVER, Inserted, Ledger, bounded};

/// Entries in memory, which end with the process.
#[derive(Debug, Default)]
pub struct Memory {
    entries: Mutex<Entries>,
    clock: Clock,
}

impl Memory {
    /// One that goes by `clock`.
    pub fn new(clock: Clock) -> Self {
        Self { entries: Mutex::default(), clock }
    }

    /// Does `work` with what has not ended.
    fn with<T>(&self, work: impl FnOnce(&mut Entries, Duration) -> T) -> T {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        entries.end(now);
        work(&mut entries, now)
    }
}

#[async_trait]
impl Ledger for Memory {
    async fn read(&self, key: &Key) -> Result<Option<Entry>, LedgerError> {
        Ok(self.with(|entries, _| entries.by_key.get(key).map(|kept| kept.entry.clone())))
    }

    async fn insert(&self, key: &Key, value: Bytes, lives: Duration) -> Result<Inserted, LedgerError> {
        bounded(&value)?;
        let revision = Revision::draw()?;
        Ok(self.with(|entries, now| {
            if let Some(kept) = entries.by_key.get(key) {
                return Inserted::Exists(kept.entry.clone());
            }
            entries.put(key, Entry { value, revision }, now, lives);
            Inserted::New(revision)
        }))
    }

    async fn replace(
        &self,
        key: &Key,
        revision: Revision,
        value: Bytes,
        lives: Duration,
    ) -> Result<Option<Revision>, LedgerError> {
        bounded(&value)?;
        let new = Revision::draw()?;
        Ok(self.with(|entries, now| {
            entries.take(key, revision)?;
            entries.put(key, Entry { value, revision: new }, now, lives);
            Some(new)
        }))
    }

    async fn extend(&self, key: &Key, revision: Revision, lives: Duration) -> Result<bool, LedgerError> {
        Ok(self.with(|entries, now| {
            let entry = entries.take(key, revision);
            let was_there = entry.is_some();
            if let Some(entry) = entry {
                entries.put(key, entry, now, lives);
            }
            was_there
        }))
    }

    async fn remove(&self, key: &Key, revision: Revision) -> Result<bool, LedgerError> {
        Ok(self.with(|entries, _| entries.take(key, revision).is_some()))
    }

    async fn write(&self, writes: &[Write]) -> Result<(), LedgerError> {
        writes.iter().try_for_each(|write| bounded(&write.value))?;
        for Write { key, value, lives } in writes {
            let entry = Entry { value: value.clone(), revision: Revision::draw()? };
            self.with(|entries, now| {
                entries.drop(key);
                entries.put(key, entry, now, *lives);
            });
        }
        Ok(())
    }

    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<Listed>, LedgerError> {
        Ok(self.with(|entries, _| {
            let from = (Bound::Excluded(Key::behind(partition, after)), Bound::Unbounded);
            let listed = entries.by_key.range(from).take_while(|(key, _)| key.partition() == partition);
            let listed = listed.map(|(key, kept)| Listed { sort: key.sort().to_owned(), entry: kept.entry.clone() });
            listed.take(limit).collect()
        }))
    }

    async fn count(&self, key: &Key, count: Count) -> Result<Counted, LedgerError> {
        let revision = Revision::draw()?;
        Ok(self.with(|entries, now| {
            let value = entries.by_key.get(key).and_then(|kept| number(&kept.entry.value));
            let counted = count.on(value);
            if let Counted::Now(sum) = counted {
                entries.drop(key);
                let value = Bytes::copy_from_slice(&sum.to_be_bytes());
                entries.put(key, Entry { value, revision }, now, count.lives);
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
struct Entries {
    by_key: BTreeMap<Arc<Key>, Kept>,
    /// By end, and by age among those that end together.
    by_end: BTreeMap<(Duration, u64), Arc<Key>>,
    /// What may be forgotten, oldest first.
    long_lived: BTreeMap<u64, Arc<Key>>,
    bytes: usize,
    written: u64,
}

#[derive(Debug)]
struct Kept {
    entry: Entry,
    end: Duration,
    age: u64,
}

impl Entries {
    fn put(&mut self, key: &Key, entry: Entry, now: Duration, lives: Duration) {
        let (key, end, age) = (Arc::new(key.clone()), now + lives, self.written);
        self.written += 1;
        self.bytes += size(&entry);
        while self.bytes > MOST_BYTES
            && let Some((_, oldest)) = self.long_lived.pop_first()
        {
            self.drop(&oldest);
        }
        self.by_end.insert((end, age), Arc::clone(&key));
        if lives > BRIEF && lives < FOREVER {
            self.long_lived.insert(age, Arc::clone(&key));
        }
        self.by_key.insert(key, Kept { entry, end, age });
    }

    fn take(&mut self, key: &Key, revision: Revision) -> Option<Entry> {
        self.by_key.get(key).filter(|kept| kept.entry.revision == revision)?;
        self.drop(key)
    }

    fn drop(&mut self, key: &Key) -> Option<Entry> {
        let kept = self.by_key.remove(key)?;
        self.by_end.remove(&(kept.end, kept.age));
        self.long_lived.remove(&kept.age);
        self.bytes -= size(&kept.entry);
        Some(kept.entry)
    }

    /// Takes away what has ended.
    fn end(&mut self, now: Duration) {
        while let Some(((end, _), key)) = self.by_end.first_key_value()
            && *end <= now
        {
            let key = Arc::clone(key);
            self.drop(&key);
        }
    }
}

fn size(entry: &Entry) -> usize {
    entry.value.len() + OVERHEAD
}

/// All of it; what is kept of a prediction has some hundred bytes.
const MOST_BYTES: usize = 64 << 20;
/// What an entry takes beside its value, about.
const OVERHEAD: usize = 512;
/// What lives no longer is not forgotten early.
const BRIEF: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    async fn insert(memory: &Memory, name: &str, lives: Duration) -> bool {
        let value = Bytes::from(vec![0; 256 << 10]);
        matches!(memory.insert(&Key::new(name, "x"), value, lives).await, Ok(Inserted::New(_)))
    }

    #[tokio::test]
    async fn the_oldest_make_room_but_no_promise_is_forgotten() {
        let memory = Memory::default();
        assert!(insert(&memory, "promise", BRIEF).await);
        for index in 0..512 {
            assert!(insert(&memory, &index.to_string(), DAY).await);
            assert!(memory.with(|entries, _| entries.bytes) <= MOST_BYTES);
        }
        assert!(!insert(&memory, "promise", BRIEF).await);
        assert!(!insert(&memory, "511", DAY).await);
        assert!(insert(&memory, "0", DAY).await);
    }

    #[tokio::test]
    async fn nothing_is_left_of_what_has_ended() {
        let time = Arc::new(Mutex::new(DAY));
        let hand = Arc::clone(&time);
        let memory = Memory::new(Clock::new(move || *hand.lock().expect("not poisoned")));
        for (name, lives) in [("a", DAY), ("b", BRIEF), ("c", DAY * 2)] {
            assert!(insert(&memory, name, lives).await);
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
