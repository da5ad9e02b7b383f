//! What a function keeps of the list of keys, and when it reads the list again.
//!
//! Invariants: there is one read at a time, in a task of its own, so that nobody who goes away ends it for the others;
//! and no call waits longer than [`KNOWN_WAITS`] for a key that is known, or [`UNKNOWN_WAITS`] for one that is not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::KeyRecord;
use crate::digest::Digest;
use crate::store::StoreError;

/// Every record, by the digest of its key.
pub(super) type Records = HashMap<Digest, KeyRecord>;

/// Records that are read again as they age.
pub(super) struct Cache {
    inner: Arc<Inner>,
}

impl Cache {
    /// Records as `read` gives them; nothing is read yet.
    pub(super) fn new<R>(read: impl Fn() -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<Records, StoreError>> + Send + 'static,
    {
        let read = Box::new(move || read().boxed());
        Self { inner: Arc::new(Inner { read, state: watch::Sender::default() }) }
    }

    /// The record of the key with `digest`, as it was [`FRESH`] ago or later.
    ///
    /// # Errors
    /// Why the list cannot be read, where the key is not known. One that is known stays so until it can.
    pub(super) async fn find(&self, digest: &Digest) -> Result<Option<KeyRecord>, String> {
        let came = Instant::now();
        let (record, as_of, patience) = {
            let state = self.inner.state.borrow();
            (state.records.get(digest).cloned(), state.as_of, state.patience(came))
        };
        let Some(record) = record else {
            // Only a read that begins now can tell of a key that was made a moment ago.
            let read = timeout(UNKNOWN_WAITS, self.read_since(came)).await;
            read.unwrap_or_else(|_| Err(format!("the list was not read within {UNKNOWN_WAITS:?}")))?;
            return Ok(self.inner.record(digest));
        };
        let age = as_of.map_or(Duration::MAX, |as_of| came.saturating_duration_since(as_of));
        if age > FRESH {
            let oldest = came.checked_sub(FRESH).unwrap_or(came);
            let _ = timeout_at(patience, self.read_since(oldest)).await;
            return Ok(self.inner.record(digest));
        }
        if age > AHEAD {
            self.turn(came.checked_sub(AHEAD).unwrap_or(came));
        }
        Ok(Some(record))
    }

    /// Done when the records are those of a read that began at `oldest` or later.
    async fn read_since(&self, oldest: Instant) -> Result<(), String> {
        let mut state = self.inner.state.subscribe();
        loop {
            match self.turn(oldest) {
                Turn::Done => return Ok(()),
                Turn::Failed(cause) => return Err(cause),
                Turn::At(time) => sleep(time.saturating_duration_since(Instant::now())).await,
                // The sender cannot be dropped meanwhile: `self` has it.
                Turn::Reading => drop(state.changed().await),
            }
        }
    }

    /// What there is to do for records of a read that began at `oldest` or later; begins that read where it may.
    fn turn(&self, oldest: Instant) -> Turn {
        let mut turn = Turn::Done;
        self.inner.state.send_if_modified(|state| {
            let begin;
            (turn, begin) = state.turn(oldest);
            if begin {
                state.reading = true;
                state.begun = Some(Instant::now());
                tokio::spawn(Arc::clone(&self.inner).read());
            }
            // Whoever waits, waits for the end of a read.
            false
        });
        turn
    }
}

struct Inner {
    read: Box<dyn Fn() -> BoxFuture<'static, Result<Records, StoreError>> + Send + Sync>,
    state: watch::Sender<State>,
}

impl Inner {
    fn record(&self, digest: &Digest) -> Option<KeyRecord> {
        self.state.borrow().records.get(digest).cloned()
    }

    async fn read(self: Arc<Self>) {
        let result = match timeout(LONGEST, (self.read)()).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err(format!("the list was not read within {LONGEST:?}")),
        };
        if let Err(error) = &result {
            tracing::warn!(error, "the list of keys could not be read");
        }
        self.state.send_modify(|state| state.end(result));
    }
}

#[derive(Default)]
struct State {
    records: Records,
    /// When the read that gave `records` began.
    as_of: Option<Instant>,
    /// When the last read began.
    begun: Option<Instant>,
    reading: bool,
    /// Why the last reads failed, one after another: how many, and the last one's cause.
    failed: Option<(u32, String)>,
}

impl State {
    /// The turn, and whether a read begins with it.
    fn turn(&self, oldest: Instant) -> (Turn, bool) {
        if self.as_of.is_some_and(|as_of| as_of >= oldest) {
            return (Turn::Done, false);
        }
        if self.reading {
            return (Turn::Reading, false);
        }
        let Some(begun) = self.begun else { return (Turn::Reading, true) };
        match &self.failed {
            Some((times, cause)) if begun.elapsed() < pause(*times) => (Turn::Failed(cause.clone()), false),
            None if begun.elapsed() < FLOOR => (Turn::At(begun + FLOOR), false),
            _ => (Turn::Reading, true),
        }
    }

    /// Until when a key that is known waits that came at `came`: not for a store that failed and now hangs.
    fn patience(&self, came: Instant) -> Instant {
        match self.begun.filter(|_| self.reading && self.failed.is_some()) {
            Some(begun) => begun + KNOWN_WAITS,
            None => came + KNOWN_WAITS,
        }
    }

    fn end(&mut self, result: Result<Records, String>) {
        self.reading = false;
        match result {
            Ok(records) => {
                self.records = records;
                self.as_of = self.begun;
                self.failed = None;
            }
            Err(cause) => {
                let times = self.failed.as_ref().map_or(0, |(times, _)| *times);
                self.failed = Some((times.saturating_add(1), cause));
            }
        }
    }
}

enum Turn {
    /// The records are new enough.
    Done,
    /// A read is under way.
    Reading,
    /// A read may begin then.
    At(Instant),
    /// The store failed a moment ago and is left alone.
    Failed(String),
}

/// How long a store that failed so many times is left alone, from the beginning of the last read: a process that was
/// frozen in the middle of one reads at once when it goes on.
fn pause(times: u32) -> Duration {
    PAUSE.saturating_mul(1 << times.saturating_sub(1).min(8)).min(LONGEST_PAUSE)
}

/// How long what was read is used: a revoked key works no longer than this while the store can be read.
pub(super) const FRESH: Duration = Duration::from_mins(1);
/// From what age on it is read again with nobody waiting.
const AHEAD: Duration = Duration::from_secs(45);
/// How long a key that is known waits for a read, before it is used as it is known.
const KNOWN_WAITS: Duration = Duration::from_secs(1);
/// How long a key that is not known waits for a read.
const UNKNOWN_WAITS: Duration = Duration::from_secs(5);
/// How long lies between the beginnings of two reads, so that whoever tries many wrong keys does not flood the store.
const FLOOR: Duration = Duration::from_millis(500);
/// How long a read may take: less than from [`AHEAD`] to [`FRESH`], so that a store that hangs is known by then.
const LONGEST: Duration = Duration::from_secs(10);
/// How long a store that failed once is left alone; twice as long after each further failure.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use amaas_wire::ApiKey;
    use tokio::time::advance;

    use super::*;

    /// What the store does.
    #[derive(Clone)]
    enum Answer {
        Records(Vec<KeyRecord>, Duration),
        Refuses,
        Hangs,
    }

    struct Source {
        answer: Arc<Mutex<Answer>>,
        reads: Arc<AtomicUsize>,
        cache: Arc<Cache>,
    }

    impl Source {
        fn new(answer: Answer) -> Self {
            let (answer, reads) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
            let (answers, counted) = (Arc::clone(&answer), Arc::clone(&reads));
            let cache = Cache::new(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = answers.lock().expect("not poisoned").clone();
                async move {
                    match answer {
                        Answer::Records(records, took) => {
                            sleep(took).await;
                            Ok(records.into_iter().map(|record| (record.digest, record)).collect())
                        }
                        Answer::Refuses => {
                            let (store, key, cause) = ("s".to_owned(), "k".to_owned(), "refused".to_owned());
                            Err(StoreError::Unreachable { store, key, cause })
                        }
                        Answer::Hangs => std::future::pending().await,
                    }
                }
            });
            Self { answer, reads, cache: Arc::new(cache) }
        }

        fn answers(&self, answer: Answer) {
            *self.answer.lock().expect("not poisoned") = answer;
        }

        fn reads(&self) -> usize {
            self.reads.load(Ordering::SeqCst)
        }

        /// What is found, and after how long.
        async fn find(&self, record: &KeyRecord) -> (Result<Option<KeyRecord>, String>, Duration) {
            let begun = Instant::now();
            (self.cache.find(&record.digest).await, begun.elapsed())
        }
    }

    fn record() -> KeyRecord {
        KeyRecord::new(&ApiKey::generate("test").expect("random"), "acme", 0)
    }

    const QUICK: Duration = Duration::from_millis(20);

    #[tokio::test(start_paused = true)]
    async fn records_are_read_ahead_with_nobody_waiting() {
        let record = record();
        let source = Source::new(Answer::Records(vec![record.clone()], QUICK));
        assert_eq!(source.find(&record).await, (Ok(Some(record.clone())), QUICK));
        source.answers(Answer::Records(Vec::new(), QUICK));
        advance(AHEAD).await;
        assert_eq!(source.find(&record).await, (Ok(Some(record.clone())), Duration::ZERO));
        sleep(QUICK * 2).await;
        assert_eq!(source.reads(), 2);
        assert_eq!(source.find(&record).await.0, Ok(None), "revoked");
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_record_is_read_again_first() {
        let record = record();
        let source = Source::new(Answer::Records(vec![record.clone()], QUICK));
        assert!(source.find(&record).await.0.is_ok());
        source.answers(Answer::Records(Vec::new(), QUICK));
        advance(FRESH).await;
        assert_eq!(source.find(&record).await, (Ok(None), QUICK));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_costs_a_known_key_little() {
        let record = record();
        let source = Source::new(Answer::Records(vec![record.clone()], QUICK));
        assert!(source.find(&record).await.0.is_ok());
        source.answers(Answer::Hangs);
        advance(FRESH * 10).await;
        let begun = Instant::now();
        let mut waited = Duration::ZERO;
        while begun.elapsed() < Duration::from_mins(5) {
            let (found, took) = source.find(&record).await;
            assert_eq!(found, Ok(Some(record.clone())));
            assert!(took <= KNOWN_WAITS, "{took:?}");
            waited += took;
            sleep(Duration::from_millis(500)).await;
        }
        // The first read's ten seconds, then one second a read.
        assert!(waited <= LONGEST + KNOWN_WAITS * 16, "{waited:?}");
        assert!(source.reads() <= 16, "{}", source.reads());

        source.answers(Answer::Records(Vec::new(), QUICK));
        advance(LONGEST_PAUSE).await;
        sleep(LONGEST).await;
        assert_eq!(source.find(&record).await.0, Ok(None), "revoked meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_key_is_told_that_the_store_fails() {
        let source = Source::new(Answer::Hangs);
        let (found, took) = source.find(&record()).await;
        assert_eq!((found.is_err(), took), (true, UNKNOWN_WAITS));

        let source = Source::new(Answer::Refuses);
        for (after, reads) in [(0, 1), (1, 1), (1, 2), (3, 2), (1, 3), (8, 4), (16, 5), (29, 5), (1, 6), (30, 7)] {
            advance(Duration::from_secs(after)).await;
            let (found, took) = source.find(&record()).await;
            assert!(found.expect_err("refused").contains("refused"));
            assert_eq!((source.reads(), took), (reads, Duration::ZERO), "after {after} s more");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_share_a_read_that_survives_each_of_them() {
        let record = record();
        let source = Source::new(Answer::Records(vec![record.clone()], Duration::from_secs(2)));
        let (cache, digest) = (Arc::clone(&source.cache), record.digest);
        let first = tokio::spawn(async move { cache.find(&digest).await });
        sleep(QUICK).await;
        first.abort();
        let others = futures_util::future::join_all((0..100).map(|_| source.find(&record))).await;
        assert!(others.iter().all(|(found, _)| found.as_ref() == Ok(&Some(record.clone()))));
        // A read that began before they came says nothing of a key that was made meanwhile.
        assert_eq!(source.reads(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_keys_do_not_flood_the_store() {
        let source = Source::new(Answer::Records(Vec::new(), QUICK));
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            assert_eq!(source.find(&record()).await.0, Ok(None));
        }
        assert!(source.reads() <= 21, "{}", source.reads());
    }
}
