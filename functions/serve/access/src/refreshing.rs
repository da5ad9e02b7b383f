//! A single-flight cache of one value with stale-while-revalidate and stale-if-error (RFC 5861).
//!
//! Invariants: one fetch runs at a time, in a task of its own, so a caller that hangs up ends it for no other caller. No caller waits
//! longer than [`RefreshPolicy::wait_when_stale`] if there is a usable value, or [`RefreshPolicy::wait_when_missing`] for each fetch it
//! needs if there is none. A fetch that began before [`Refreshing::forget`] changes nothing.
//!
//! Written by hand because no crate does it: moka and `quick_cache` expire entries, but neither serves a stale value while it
//! revalidates or after a failed fetch.

mod policy;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub use self::policy::{OnMiss, RefreshPolicy};
use self::state::{CacheState, FetchNeed, FetchStep, before};

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
