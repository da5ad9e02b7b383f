//! One thing that a function keeps of the ledger, and when it reads it again.
//!
//! Invariants: there is one read at a time, in a task of its own, so that nobody who goes away ends it for the others;
//! and no call waits longer than [`KNOWN_WAITS`] for what is known, or [`UNKNOWN_WAITS`] for what is not.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use amaas_ledger::LedgerError;

/// Something that is read again as it ages.
pub(super) struct Cached<V> {
    inner: Arc<Inner<V>>,
}

impl<V: Clone + Send + Sync + 'static> Cached<V> {
    /// What `read` gives; nothing is read yet.
    pub(super) fn new<R>(read: impl Fn() -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<Option<V>, LedgerError>> + Send + 'static,
    {
        let read = Box::new(move || read().boxed());
        Self { inner: Arc::new(Inner { read, state: watch::Sender::new(State::default()) }) }
    }

    /// It as it was [`FRESH`] ago or later, or up to [`GRACE`] ago while it cannot be read.
    ///
    /// # Errors
    /// Why it cannot be read, where it is not known.
    pub(super) async fn find(&self) -> Result<Option<V>, String> {
        let came = Instant::now();
        let (value, as_of, patience) = {
            let state = self.inner.state.borrow();
            (state.value.clone(), state.as_of, state.patience(came))
        };
        let age = as_of.map_or(Duration::MAX, |as_of| came.saturating_duration_since(as_of));
        let Some(value) = value.filter(|_| age <= GRACE) else {
            // What a read that is under way finds is there; that it finds nothing may be a moment old.
            let _ = timeout(UNKNOWN_WAITS, self.read_ends()).await;
            if let Some(value) = self.inner.value().filter(|_| self.age() <= GRACE) {
                return Ok(Some(value));
            }
            // Only a read that begins now can tell of what was made a moment ago.
            let read = timeout(UNKNOWN_WAITS, self.read_since(came)).await;
            read.unwrap_or_else(|_| Err(format!("it was not read within {UNKNOWN_WAITS:?}")))?;
            return Ok(self.inner.value());
        };
        if age > FRESH {
            let oldest = came.checked_sub(FRESH).unwrap_or(came);
            let _ = timeout_at(patience, self.read_since(oldest)).await;
            return Ok(self.inner.value());
        }
        if age > AHEAD {
            self.turn(came.checked_sub(AHEAD).unwrap_or(came));
        }
        Ok(Some(value))
    }

    /// How old what is known is.
    fn age(&self) -> Duration {
        self.inner.state.borrow().as_of.map_or(Duration::MAX, |as_of| as_of.elapsed())
    }

    /// Done when no read is under way.
    async fn read_ends(&self) {
        // The sender cannot be dropped meanwhile: `self` has it.
        let _ = self.inner.state.subscribe().wait_for(|state| !state.reading).await;
    }

    /// Whether nothing is known of it, or it was read so long ago that nobody asks for it any more.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.inner.state.borrow();
        !state.reading && (state.value.is_none() || state.as_of.is_none_or(|as_of| as_of.elapsed() > GRACE * 2))
    }

    /// Done when the value is that of a read that began at `oldest` or later.
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

    /// What there is to do for the value of a read that began at `oldest` or later; begins that read where it may.
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

struct Inner<V> {
    read: Box<Read<V>>,
    state: watch::Sender<State<V>>,
}

type Read<V> = dyn Fn() -> BoxFuture<'static, Result<Option<V>, LedgerError>> + Send + Sync;

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    fn value(&self) -> Option<V> {
        self.state.borrow().value.clone()
    }

    async fn read(self: Arc<Self>) {
        let result = match timeout(LONGEST, (self.read)()).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err(format!("it was not read within {LONGEST:?}")),
        };
        if let Err(error) = &result {
            tracing::warn!(error, "keys, tenants or prices could not be read");
        }
        self.state.send_modify(|state| state.end(result));
    }
}

struct State<V> {
    value: Option<V>,
    /// When the read that gave `value` began.
    as_of: Option<Instant>,
    /// When the last read began.
    begun: Option<Instant>,
    reading: bool,
    /// Why the last reads failed, one after another: how many, and the last one's cause.
    failed: Option<(u32, String)>,
}

impl<V> Default for State<V> {
    fn default() -> Self {
        Self { value: None, as_of: None, begun: None, reading: false, failed: None }
    }
}

impl<V> State<V> {
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

    /// Until when a call waits for what is known that came at `came`: not for a ledger that failed and now hangs.
    fn patience(&self, came: Instant) -> Instant {
        match self.begun.filter(|_| self.reading && self.failed.is_some()) {
            Some(begun) => begun + KNOWN_WAITS,
            None => came + KNOWN_WAITS,
        }
    }

    fn end(&mut self, result: Result<Option<V>, String>) {
        self.reading = false;
        match result {
            Ok(value) => {
                self.value = value;
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
    /// The value is new enough.
    Done,
    /// A read is under way.
    Reading,
    /// A read may begin then.
    At(Instant),
    /// The ledger failed a moment ago and is left alone.
    Failed(String),
}

/// How long a ledger that failed so many times is left alone, from the beginning of the last read: a process that was
/// frozen in the middle of one reads at once when it goes on.
fn pause(times: u32) -> Duration {
    PAUSE.saturating_mul(1 << times.saturating_sub(1).min(8)).min(LONGEST_PAUSE)
}

/// How long what was read is used: a revoked key works no longer than this while the ledger can be read.
pub(super) const FRESH: Duration = Duration::from_mins(1);
/// How long what was read goes on being used while the ledger cannot be read.
pub(super) const GRACE: Duration = Duration::from_mins(15);
/// From what age on it is read again with nobody waiting.
const AHEAD: Duration = Duration::from_secs(45);
/// How long what is known waits for a read, before it is used as it is known.
const KNOWN_WAITS: Duration = Duration::from_secs(1);
/// How long what is not known waits for a read.
const UNKNOWN_WAITS: Duration = Duration::from_secs(5);
/// How long lies between the beginnings of two reads, so that whoever tries the same wrong key again and again does not flood the ledger.
const FLOOR: Duration = Duration::from_millis(500);
/// How long a read may take: less than from [`AHEAD`] to [`FRESH`], so that a ledger that hangs is known by then.
const LONGEST: Duration = Duration::from_secs(10);
/// How long a ledger that failed once is left alone; twice as long after each further failure.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::advance;

    use super::*;

    /// What the ledger does.
    #[derive(Clone)]
    enum Answer {
        Holds(Option<u32>, Duration),
        Refuses,
        Hangs,
    }

    struct Source {
        answer: Arc<Mutex<Answer>>,
        reads: Arc<AtomicUsize>,
        cached: Arc<Cached<u32>>,
    }

    impl Source {
        fn new(answer: Answer) -> Self {
            let (answer, reads) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
            let (answers, counted) = (Arc::clone(&answer), Arc::clone(&reads));
            let cached = Cached::new(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = answers.lock().expect("not poisoned").clone();
                async move {
                    match answer {
                        Answer::Holds(value, took) => {
                            sleep(took).await;
                            Ok(value)
                        }
                        Answer::Refuses => {
                            let (ledger, cause) = ("l".to_owned(), "refused".to_owned());
                            Err(LedgerError::Unreachable { ledger, cause })
                        }
                        Answer::Hangs => std::future::pending().await,
                    }
                }
            });
            Self { answer, reads, cached: Arc::new(cached) }
        }

        fn answers(&self, answer: Answer) {
            *self.answer.lock().expect("not poisoned") = answer;
        }

        fn reads(&self) -> usize {
            self.reads.load(Ordering::SeqCst)
        }

        /// What is found, and after how long.
        async fn find(&self) -> (Result<Option<u32>, String>, Duration) {
            let begun = Instant::now();
            (self.cached.find().await, begun.elapsed())
        }
    }

    const QUICK: Duration = Duration::from_millis(20);

    #[tokio::test(start_paused = true)]
    async fn what_is_known_is_read_ahead_with_nobody_waiting() {
        let source = Source::new(Answer::Holds(Some(7), QUICK));
        assert_eq!(source.find().await, (Ok(Some(7)), QUICK));
        source.answers(Answer::Holds(None, QUICK));
        advance(AHEAD).await;
        assert_eq!(source.find().await, (Ok(Some(7)), Duration::ZERO));
        sleep(QUICK * 2).await;
        assert_eq!(source.reads(), 2);
        assert_eq!(source.find().await.0, Ok(None), "revoked");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_old_is_read_again_first() {
        let source = Source::new(Answer::Holds(Some(7), QUICK));
        assert!(source.find().await.0.is_ok());
        source.answers(Answer::Holds(None, QUICK));
        advance(FRESH).await;
        assert_eq!(source.find().await, (Ok(None), QUICK));
    }

    #[tokio::test(start_paused = true)]
    async fn a_ledger_that_hangs_costs_what_is_known_little() {
        let source = Source::new(Answer::Holds(Some(7), QUICK));
        assert!(source.find().await.0.is_ok());
        source.answers(Answer::Hangs);
        advance(FRESH * 2).await;
        let begun = Instant::now();
        let mut waited = Duration::ZERO;
        while begun.elapsed() < Duration::from_mins(5) {
            let (found, took) = source.find().await;
            assert_eq!(found, Ok(Some(7)));
            assert!(took <= KNOWN_WAITS, "{took:?}");
            waited += took;
            sleep(Duration::from_millis(500)).await;
        }
        // The first read's ten seconds, then one second a read.
        assert!(waited <= LONGEST + KNOWN_WAITS * 16, "{waited:?}");
        assert!(source.reads() <= 16, "{}", source.reads());

        advance(GRACE).await;
        assert!(source.find().await.0.is_err(), "it was not read for too long");

        source.answers(Answer::Holds(None, QUICK));
        advance(LONGEST_PAUSE).await;
        sleep(LONGEST).await;
        assert_eq!(source.find().await.0, Ok(None), "revoked meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_the_unknown_is_told_that_the_ledger_fails() {
        let source = Source::new(Answer::Hangs);
        let (found, took) = source.find().await;
        assert_eq!((found.is_err(), took), (true, UNKNOWN_WAITS));

        let source = Source::new(Answer::Refuses);
        for (after, reads) in [(0, 1), (1, 1), (1, 2), (3, 2), (1, 3), (8, 4), (16, 5), (29, 5), (1, 6), (30, 7)] {
            advance(Duration::from_secs(after)).await;
            let (found, took) = source.find().await;
            assert!(found.expect_err("refused").contains("refused"));
            assert_eq!((source.reads(), took), (reads, Duration::ZERO), "after {after} s more");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_share_a_read_that_survives_each_of_them() {
        let source = Source::new(Answer::Holds(Some(7), Duration::from_secs(2)));
        let cached = Arc::clone(&source.cached);
        let first = tokio::spawn(async move { cached.find().await });
        sleep(QUICK).await;
        first.abort();
        let others = futures_util::future::join_all((0..100).map(|_| source.find())).await;
        assert!(others.iter().all(|(found, _)| found.as_ref() == Ok(&Some(7))));
        // What it found is good for those who came meanwhile too.
        assert_eq!(source.reads(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn asking_for_the_unknown_does_not_flood_the_ledger() {
        let source = Source::new(Answer::Holds(None, QUICK));
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            assert_eq!(source.find().await.0, Ok(None));
        }
        assert!(source.reads() <= 21, "{}", source.reads());
    }
}
