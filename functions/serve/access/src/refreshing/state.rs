//! What a cache knows, and what it does for a caller: the decisions, without I/O.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::policy::{OnMiss, RefreshPolicy};

pub(super) struct CacheState<T, E> {
    pub(super) value: Option<CachedValue<T>>,
    /// How many fetches have begun.
    pub(super) fetches: u64,
    /// When the last fetch began.
    pub(super) begun: Option<Instant>,
    /// When [`Refreshing::refetch`](super::Refreshing::refetch) last began a fetch.
    pub(super) refetched: Option<Instant>,
    pub(super) fetching: bool,
    /// The number of failures in a row, and the last one's error.
    pub(super) failed: Option<(u32, Arc<E>)>,
    /// How often everything was forgotten.
    pub(super) epoch: u64,
}

#[derive(Clone)]
pub(super) struct CachedValue<T> {
    pub(super) value: T,
    /// When the fetch that returned `value` began.
    pub(super) as_of: Instant,
    /// The number of that fetch.
    pub(super) number: u64,
}

impl<T> CachedValue<T> {
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.as_of)
    }

    pub(super) fn satisfies(&self, need: FetchNeed) -> bool {
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
    pub(super) fn step(&self, need: FetchNeed, now: Instant, policy: &RefreshPolicy) -> FetchStep<E> {
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
    pub(super) fn stale_wait_ends(&self, now: Instant, policy: &RefreshPolicy) -> Instant {
        self.begun.filter(|_| self.fetching && self.failed.is_some()).unwrap_or(now) + policy.wait_when_stale
    }

    pub(super) fn end(&mut self, fetched: Result<T, E>, begun: Instant) {
        self.fetching = false;
        match fetched {
            Ok(value) => {
                (self.value, self.failed) = (Some(CachedValue { value, as_of: begun, number: self.fetches }), None);
            }
            Err(error) => {
                let failures = self.failed.as_ref().map_or(0, |(failures, _)| *failures);
                self.failed = Some((failures.saturating_add(1), Arc::new(error)));
            }
        }
    }
}

/// Which value a caller needs.
#[derive(Clone, Copy)]
pub(super) enum FetchNeed {
    /// One of a fetch that began then or later: the present one is missing or old.
    Since(Instant),
    /// One of a fetch that began after so many: the present one lacks what the caller asks for.
    After(u64),
}

pub(super) enum FetchStep<E> {
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

pub(super) fn before(now: Instant, age: Duration) -> Instant {
    now.checked_sub(age).unwrap_or(now)
}
