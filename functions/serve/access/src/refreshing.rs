//! A single-flight cache of one value with stale-while-revalidate and stale-if-error (RFC 5861).
//!
//! Invariants: one fetch runs at a time, in a task of its own, so a caller that hangs up ends it for no other caller. No caller waits
//! longer than [`RefreshPolicy::wait_when_stale`] if there is a usable value, or [`RefreshPolicy::wait_when_missing`] for each fetch it
//! needs if there is none. A fetch that began before [`Refreshing::forget`] changes nothing.
//!
//! Written by hand because no crate does it: moka and `quick_cache` expire entries, but neither serves a stale value while it
//! revalidates or after a failed fetch.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// When a [`Refreshing`] value is fetched, how long it is served, and how long callers wait. The terms are those of RFC 5861.
#[derive(Clone, Copy, Debug)]
pub struct RefreshPolicy {
    /// A value of this age or younger is fresh.
    pub max_age: Duration,
    /// A value older than this is fetched again in the background while it is still fresh.
    pub revalidate_after: Duration,
    /// A value of this age or younger is served while fetches fail.
    pub stale_if_error: Duration,
    /// Bounds how long a caller waits for a fetch if there is a stale value.
    pub wait_when_stale: Duration,
    /// Bounds how long a caller waits for a fetch if there is no usable value.
    pub wait_when_missing: Duration,
    /// The least time between two fetches that callers cause by asking for something the value lacks.
    pub min_interval: Duration,
    /// How `min_interval` is enforced.
    pub on_miss: OnMiss,
    /// Bounds one fetch.
    pub fetch_timeout: Duration,
    /// The pause after the first failure, from the start of the failed fetch; it doubles with each further failure.
    pub initial_backoff: Duration,
    /// The longest pause after a failure.
    pub max_backoff: Duration,
}

/// The behaviour of [`Refreshing::refetch`] within [`RefreshPolicy::min_interval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMiss {
    /// Waits until the interval since the last fetch is over, then fetches.
    Wait,
    /// Keeps the value if any fetch began within the interval.
    KeepAfterFetch,
    /// Keeps the value if a `refetch` began a fetch within the interval; other fetches do not count.
    KeepAfterRefetch,
}

/// A fetch, or a caller's wait for one, took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchTimeout(
    /// The bound that was exceeded.
    pub Duration,
);

impl From<FetchTimeout> for String {
    fn from(FetchTimeout(bound): FetchTimeout) -> Self {
        format!("not fetched within {bound:?}")
    }
}

/// A value that is fetched again as it ages.
pub struct Refreshing<T, E> {
    inner: Arc<RefreshingInner<T, E>>,
}

impl<T, E> Refreshing<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: From<FetchTimeout> + std::fmt::Display + Send + Sync + 'static,
{
    /// The value that `fetch` returns, which receives the last value if there is one. Nothing is fetched yet. `name` is the name of
    /// the cache in the log.
    pub fn new<F>(
        name: &'static str,
        policy: RefreshPolicy,
        fetch: impl Fn(Option<T>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let fetch = Box::new(move |last| fetch(last).boxed());
        Self {
            inner: Arc::new(RefreshingInner { name, policy, fetch, state: watch::Sender::new(CacheState::default()) }),
        }
    }

    /// The value: fresh if it can be fetched in time, else stale within the policy's bounds.
    ///
    /// # Errors
    /// The last fetch's error if there is no usable value.
    pub async fn get(&self) -> Result<T, Arc<E>> {
        let (now, policy) = (Instant::now(), &self.inner.policy);
        let (cached, deadline) = {
            let state = self.inner.state.borrow();
            (state.value.clone(), state.stale_wait_ends(now, policy))
        };
        let usable = cached.map(|cached| (cached.age(now), cached.value));
        match usable.filter(|(age, _)| *age <= policy.stale_if_error) {
            None => {
                let fetched = self.fetched(FetchNeed::Since(before(now, policy.max_age)));
                self.within(policy.wait_when_missing, fetched).await?;
                self.latest().ok_or_else(|| self.slow())
            }
            Some((age, value)) if age > policy.max_age => {
                let fetched = self.fetched(FetchNeed::Since(before(now, policy.max_age)));
                let _ = timeout_at(deadline, fetched).await;
                Ok(self.latest().unwrap_or(value))
            }
            Some((age, value)) => {
                if age > policy.revalidate_after {
                    self.step(FetchNeed::Since(before(now, policy.revalidate_after)));
                }
                Ok(value)
            }
        }
    }

    /// The value at any age without waiting; revalidated in the background if due. As [`get`](Self::get) if there is none.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub async fn get_stale(&self) -> Result<T, Arc<E>> {
        let (now, revalidate_after) = (Instant::now(), self.inner.policy.revalidate_after);
        let cached = self.inner.state.borrow().value.clone();
        let Some(cached) = cached else { return self.get().await };
        if cached.age(now) > revalidate_after {
            self.step(FetchNeed::Since(before(now, revalidate_after)));
        }
        Ok(cached.value)
    }

    /// How many fetches have begun: what [`refetch`](Self::refetch) takes.
    pub fn fetches(&self) -> u64 {
        self.inner.state.borrow().fetches
    }

    /// The value of a fetch that began after the first `fetches`, for a caller that missed something in an older value. Bounded by
    /// [`RefreshPolicy::min_interval`], so that floods of unknown names cause few fetches; the present value if the bound says so.
    ///
    /// # Errors
    /// The error of that fetch, or of the last one if it failed too recently for another.
    pub async fn refetch(&self, fetches: u64) -> Result<T, Arc<E>> {
        self.within(self.inner.policy.wait_when_missing, self.fetched(FetchNeed::After(fetches))).await?;
        self.latest().ok_or_else(|| self.slow())
    }

    /// The value that the last successful fetch returned, at any age.
    pub fn latest(&self) -> Option<T> {
        self.inner.state.borrow().value.as_ref().map(|cached| cached.value.clone())
    }

    /// Forgets the value, the failures, and what a running fetch will return.
    pub fn forget(&self) {
        self.inner.state.send_modify(|state| {
            *state = CacheState { epoch: state.epoch + 1, fetches: state.fetches, ..CacheState::default() }
        });
    }

    /// Whether there is no value, or one so old that no caller asks for it any more.
    fn is_idle(&self) -> bool {
        let (state, oldest) = (self.inner.state.borrow(), self.inner.policy.stale_if_error.saturating_mul(2));
        !state.fetching && state.value.as_ref().is_none_or(|cached| cached.age(Instant::now()) > oldest)
    }

    async fn within(&self, bound: Duration, fetched: impl Future<Output = Result<(), Arc<E>>>) -> Result<(), Arc<E>> {
        timeout(bound, fetched).await.unwrap_or_else(|_| Err(Arc::new(E::from(FetchTimeout(bound)))))
    }

    fn slow(&self) -> Arc<E> {
        Arc::new(E::from(FetchTimeout(self.inner.policy.wait_when_missing)))
    }

    /// Done when the value satisfies `need`, or when no fetch for it may begin now.
    async fn fetched(&self, need: FetchNeed) -> Result<(), Arc<E>> {
        let mut state = self.inner.state.subscribe();
        loop {
            match self.step(need) {
                FetchStep::Done => return Ok(()),
                FetchStep::Failed(error) => return Err(error),
                FetchStep::WaitUntil(time) => sleep(time.saturating_duration_since(Instant::now())).await,
                // `self` owns the sender, so it cannot be dropped meanwhile.
                FetchStep::Fetch | FetchStep::InFlight => drop(state.changed().await),
            }
        }
    }

    /// The next step towards a value that satisfies `need`; begins a fetch if that is the step.
    fn step(&self, need: FetchNeed) -> FetchStep<E> {
        let mut step = FetchStep::Done;
        self.inner.state.send_if_modified(|state| {
            let now = Instant::now();
            step = state.step(need, now, &self.inner.policy);
            if matches!(step, FetchStep::Fetch) {
                (state.fetching, state.begun, state.fetches) = (true, Some(now), state.fetches + 1);
                if matches!(need, FetchNeed::After(_)) {
                    state.refetched = Some(now);
                }
                tokio::spawn(Arc::clone(&self.inner).fetch(state.epoch, now));
            }
            // Waiting callers wait for the end of a fetch, not for its beginning.
            false
        });
        step
    }
}

impl<V, E> Refreshing<Option<V>, E>
where
    V: Clone + Send + Sync + 'static,
    E: From<FetchTimeout> + std::fmt::Display + Send + Sync + 'static,
{
    /// The entry. If the cache says that it does not exist, it is fetched again: it may have been created a moment ago.
    ///
    /// # Errors
    /// As for [`Refreshing::get`].
    pub async fn find(&self) -> Result<Option<V>, Arc<E>> {
        let fetches = self.fetches();
        match self.get().await? {
            Some(entry) => Ok(Some(entry)),
            None => self.refetch(fetches).await,
        }
    }

    /// Whether the entry does not exist, or is so old that no caller asks for it any more.
    pub(crate) fn is_unused(&self) -> bool {
        let is_missing = {
            let state = self.inner.state.borrow();
            !state.fetching && state.value.as_ref().is_some_and(|cached| cached.value.is_none())
        };
        is_missing || self.is_idle()
    }
}

struct RefreshingInner<T, E> {
    name: &'static str,
    policy: RefreshPolicy,
    fetch: Box<FetchFn<T, E>>,
    state: watch::Sender<CacheState<T, E>>,
}

type FetchFn<T, E> = dyn Fn(Option<T>) -> BoxFuture<'static, Result<T, E>> + Send + Sync;

impl<T, E> RefreshingInner<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: From<FetchTimeout> + std::fmt::Display + Send + Sync + 'static,
{
    async fn fetch(self: Arc<Self>, epoch: u64, begun: Instant) {
        let last = self.state.borrow().value.as_ref().map(|cached| cached.value.clone());
        let bound = self.policy.fetch_timeout;
        let fetched = timeout(bound, (self.fetch)(last)).await.unwrap_or_else(|_| Err(E::from(FetchTimeout(bound))));
        if let Err(error) = &fetched {
            tracing::warn!(cache = self.name, %error, "cache refresh failed");
        }
        self.state.send_modify(|state| {
            if state.epoch == epoch {
                state.end(fetched, begun);
            }
        });
    }
}

struct CacheState<T, E> {
    value: Option<CachedValue<T>>,
    /// How many fetches have begun.
    fetches: u64,
    /// When the last fetch began.
    begun: Option<Instant>,
    /// When [`Refreshing::refetch`] last began a fetch.
    refetched: Option<Instant>,
    fetching: bool,
    /// The number of failures in a row, and the last one's error.
    failed: Option<(u32, Arc<E>)>,
    /// How often everything was forgotten.
    epoch: u64,
}

#[derive(Clone)]
struct CachedValue<T> {
    value: T,
    /// When the fetch that returned `value` began.
    as_of: Instant,
    /// The number of that fetch.
    number: u64,
}

impl<T> CachedValue<T> {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.as_of)
    }

    fn satisfies(&self, need: FetchNeed) -> bool {
        match need {
            FetchNeed::Since(oldest) => self.as_of >= oldest,
            FetchNeed::After(fetches) => self.number > fetches,
        }
    }
}

impl<T, E> Default for CacheState<T, E> {
    fn default() -> Self {
        Self { value: None, fetches: 0, begun: None, refetched: None, fetching: false, failed: None, epoch: 0 }
    }
}

impl<T, E> CacheState<T, E> {
    fn step(&self, need: FetchNeed, now: Instant, policy: &RefreshPolicy) -> FetchStep<E> {
        if self.value.as_ref().is_some_and(|cached| cached.satisfies(need)) {
            return FetchStep::Done;
        }
        if self.fetching {
            return FetchStep::InFlight;
        }
        let is_within =
            |bound: Duration, since: Option<Instant>| since.is_some_and(|since| now.duration_since(since) < bound);
        let keep = || self.failed.as_ref().map_or(FetchStep::Done, |(_, error)| FetchStep::Failed(Arc::clone(error)));
        let backoff = self.failed.as_ref().map_or(Duration::ZERO, |(failures, _)| policy.backoff(*failures));
        match (need, policy.on_miss) {
            (FetchNeed::Since(_), _) | (FetchNeed::After(_), OnMiss::Wait) if is_within(backoff, self.begun) => keep(),
            (FetchNeed::After(_), OnMiss::Wait)
                if self.failed.is_none() && is_within(policy.min_interval, self.begun) =>
            {
                FetchStep::WaitUntil(self.begun.unwrap_or(now) + policy.min_interval)
            }
            (FetchNeed::After(_), OnMiss::KeepAfterFetch) if is_within(policy.min_interval, self.begun) => keep(),
            (FetchNeed::After(_), OnMiss::KeepAfterRefetch) if is_within(policy.min_interval, self.refetched) => keep(),
            _ => FetchStep::Fetch,
        }
    }

    /// Until when a caller that came at `now` waits if there is a stale value. A source that failed before and hangs now delays
    /// only the callers that come soon after the fetch began.
    fn stale_wait_ends(&self, now: Instant, policy: &RefreshPolicy) -> Instant {
        self.begun.filter(|_| self.fetching && self.failed.is_some()).unwrap_or(now) + policy.wait_when_stale
    }

    fn end(&mut self, fetched: Result<T, E>, begun: Instant) {
        self.fetching = false;
        match fetched {
            Ok(value) => {
                (self.value, self.failed) = (Some(CachedValue { value, as_of: begun, number: self.fetches }), None)
            }
            Err(error) => {
                let failures = self.failed.as_ref().map_or(0, |(failures, _)| *failures);
                self.failed = Some((failures.saturating_add(1), Arc::new(error)));
            }
        }
    }
}

impl RefreshPolicy {
    /// The pause after so many failures, from the beginning of the last fetch: a process that was frozen during a fetch fetches at
    /// once when it is thawed.
    fn backoff(&self, failures: u32) -> Duration {
        self.initial_backoff.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(self.max_backoff)
    }
}

/// Which value a caller needs.
#[derive(Clone, Copy)]
enum FetchNeed {
    /// One of a fetch that began then or later: the present one is missing or old.
    Since(Instant),
    /// One of a fetch that began after so many: the present one lacks what the caller asks for.
    After(u64),
}

enum FetchStep<E> {
    /// The value is new enough, or is kept for now.
    Done,
    /// A fetch begins.
    Fetch,
    /// A fetch is in flight.
    InFlight,
    /// A fetch may begin then.
    WaitUntil(Instant),
    /// The last fetch failed too recently for another.
    Failed(Arc<E>),
}

fn before(now: Instant, age: Duration) -> Instant {
    now.checked_sub(age).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::advance;

    use super::*;

    /// What the source does.
    #[derive(Clone)]
    enum Answer {
        Holds(Option<u32>, Duration),
        Refuses,
        Hangs,
    }

    struct Source {
        answer: Arc<Mutex<Answer>>,
        reads: Arc<AtomicUsize>,
        cached: Arc<Refreshing<Option<u32>, String>>,
    }

    impl Source {
        fn new(answer: Answer) -> Self {
            let (answer, reads) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
            let (answers, counted) = (Arc::clone(&answer), Arc::clone(&reads));
            let cached = Refreshing::new("test", POLICY, move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = answers.lock().expect("not poisoned").clone();
                async move {
                    match answer {
                        Answer::Holds(value, took) => {
                            sleep(took).await;
                            Ok(value)
                        }
                        Answer::Refuses => Err("refused".to_owned()),
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
            (self.cached.find().await.map_err(|error| error.to_string()), begun.elapsed())
        }
    }

    const QUICK: Duration = Duration::from_millis(20);

    const POLICY: RefreshPolicy = RefreshPolicy {
        max_age: Duration::from_mins(1),
        revalidate_after: Duration::from_secs(45),
        stale_if_error: Duration::from_mins(15),
        wait_when_stale: Duration::from_secs(1),
        wait_when_missing: Duration::from_secs(5),
        min_interval: Duration::from_millis(500),
        on_miss: OnMiss::Wait,
        fetch_timeout: Duration::from_secs(10),
        initial_backoff: Duration::from_secs(2),
        max_backoff: Duration::from_secs(30),
    };

    #[tokio::test(start_paused = true)]
    async fn a_value_is_revalidated_in_the_background() {
        let source = Source::new(Answer::Holds(Some(7), QUICK));
        assert_eq!(source.find().await, (Ok(Some(7)), QUICK));
        source.answers(Answer::Holds(None, QUICK));
        advance(POLICY.revalidate_after).await;
        assert_eq!(source.find().await, (Ok(Some(7)), Duration::ZERO));
        sleep(QUICK * 2).await;
        assert_eq!(source.reads(), 2);
        assert_eq!(source.find().await.0, Ok(None), "revoked");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_value_is_fetched_first() {
        let source = Source::new(Answer::Holds(Some(7), QUICK));
        assert!(source.find().await.0.is_ok());
        source.answers(Answer::Holds(None, QUICK));
        advance(POLICY.max_age).await;
        assert_eq!(source.find().await, (Ok(None), QUICK));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_value_is_served_while_the_source_hangs() {
        let source = Source::new(Answer::Holds(Some(7), QUICK));
        assert!(source.find().await.0.is_ok());
        source.answers(Answer::Hangs);
        advance(POLICY.max_age * 2).await;
        let begun = Instant::now();
        let mut waited = Duration::ZERO;
        while begun.elapsed() < Duration::from_mins(5) {
            let (found, took) = source.find().await;
            assert_eq!(found, Ok(Some(7)));
            assert!(took <= POLICY.wait_when_stale, "{took:?}");
            waited += took;
            sleep(Duration::from_millis(500)).await;
        }
        // The first read's ten seconds, then one second a read.
        assert!(waited <= POLICY.fetch_timeout + POLICY.wait_when_stale * 16, "{waited:?}");
        assert!(source.reads() <= 16, "{}", source.reads());

        advance(POLICY.stale_if_error).await;
        assert!(source.find().await.0.is_err(), "it was not read for too long");

        source.answers(Answer::Holds(None, QUICK));
        advance(POLICY.max_backoff).await;
        sleep(POLICY.fetch_timeout).await;
        assert_eq!(source.find().await.0, Ok(None), "revoked meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_value_reports_that_the_source_fails() {
        let source = Source::new(Answer::Hangs);
        let (found, took) = source.find().await;
        assert_eq!((found.is_err(), took), (true, POLICY.wait_when_missing));

        let source = Source::new(Answer::Refuses);
        for (after, reads) in [(0, 1), (1, 1), (1, 2), (3, 2), (1, 3), (8, 4), (16, 5), (29, 5), (1, 6), (30, 7)] {
            advance(Duration::from_secs(after)).await;
            let (found, took) = source.find().await;
            assert!(found.expect_err("refused").contains("refused"));
            assert_eq!((source.reads(), took), (reads, Duration::ZERO), "after {after} s more");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn callers_share_a_fetch_that_outlives_each_of_them() {
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
    async fn misses_do_not_flood_the_source() {
        let source = Source::new(Answer::Holds(None, QUICK));
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            assert_eq!(source.find().await.0, Ok(None));
        }
        assert!(source.reads() <= 21, "{}", source.reads());
    }

    #[tokio::test(start_paused = true)]
    async fn a_forgotten_value_does_not_come_back_with_a_fetch_in_flight() {
        let source = Source::new(Answer::Holds(Some(7), Duration::from_secs(2)));
        let cached = Arc::clone(&source.cached);
        let first = tokio::spawn(async move { cached.find().await });
        sleep(QUICK).await;
        source.cached.forget();
        source.answers(Answer::Holds(Some(8), Duration::from_secs(3)));
        assert_eq!(source.find().await.0, Ok(Some(8)));
        assert_eq!(first.await.expect("no panic").expect("found"), Some(8));
        assert_eq!((source.reads(), source.cached.latest()), (2, Some(Some(8))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_miss_within_the_interval_keeps_the_value() {
        for (on_miss, fetches) in [(OnMiss::KeepAfterFetch, [1, 1, 2]), (OnMiss::KeepAfterRefetch, [2, 2, 3])] {
            let count = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&count);
            let policy = RefreshPolicy { on_miss, ..POLICY };
            let cached: Refreshing<usize, String> = Refreshing::new("test", policy, move |last| {
                let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
                async move {
                    assert_eq!(last.unwrap_or_default(), number - 1, "the last value is given to the fetch");
                    Ok(number)
                }
            });
            assert_eq!(cached.get().await.expect("fetched"), 1);
            for (pause, expected) in [(1, fetches[0]), (1, fetches[1]), (500, fetches[2])] {
                advance(Duration::from_millis(pause)).await;
                assert_eq!(cached.refetch(cached.fetches()).await.expect("kept or fetched"), expected, "{on_miss:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_at_hand_is_served_at_any_age() {
        let source = Source::new(Answer::Holds(Some(7), QUICK));
        assert_eq!(source.cached.get_stale().await.expect("fetched"), Some(7), "there was none yet");
        source.answers(Answer::Refuses);
        advance(POLICY.stale_if_error * 2).await;
        let begun = Instant::now();
        assert_eq!((source.cached.get_stale().await.expect("stale"), begun.elapsed()), (Some(7), Duration::ZERO));
        sleep(QUICK).await;
        assert_eq!(source.reads(), 2, "it was due");
        assert!(source.cached.get().await.is_err(), "too old for a caller that needs it fresh");
    }
}
