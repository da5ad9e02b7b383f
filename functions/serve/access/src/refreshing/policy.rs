//! How long a refreshed value is fresh, stale and waited for.

use std::time::Duration;

/// When a [`Refreshing`](super::Refreshing) value is fetched, how long it is served, and how long callers wait. The terms are those of RFC 5861.
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

/// The behaviour of [`Refreshing::refetch`](super::Refreshing::refetch) within [`RefreshPolicy::min_interval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMiss {
    /// Waits until the interval since the last fetch is over, then fetches.
    Wait,
    /// Keeps the value if any fetch began within the interval.
    KeepAfterFetch,
    /// Keeps the value if a `refetch` began a fetch within the interval; other fetches do not count.
    KeepAfterRefetch,
}

impl RefreshPolicy {
    /// The pause after so many failures, from the beginning of the last fetch: a process that was frozen during a fetch fetches at
    /// once when it is thawed.
    pub(super) fn backoff(&self, failures: u32) -> Duration {
        self.initial_backoff.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(self.max_backoff)
    }
}
