//! When a call is tried again, and how long it waits before: the only place that decides.
//!
//! Invariant: a request that may have been processed is never sent again unless the service can recognise it.

pub(crate) mod after;
mod budget;

use std::time::Duration;

use budget::Budget;

/// How often and how fast failed attempts are tried again.
///
/// ```
/// use std::time::Duration;
/// use amaas::RetryConfig;
///
/// let patient = RetryConfig::default().max_retries(4).base(Duration::from_millis(500));
/// let never = RetryConfig::off();
/// ```
#[doc = include_str!("docs/retries.md")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryConfig {
    max_retries: u32,
    base: Duration,
    cap: Duration,
    budget: u32,
}

impl RetryConfig {
    /// No retries.
    pub fn off() -> Self {
        Self::default().max_retries(0)
    }

    /// The most retries of one call, the first attempt apart.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The longest wait before the first retry; it doubles with each.
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// The longest wait before any retry, `Retry-After` apart.
    #[must_use]
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// The tokens that clones of a client share.
    #[must_use]
    pub fn budget(mut self, tokens: u32) -> Self {
        self.budget = tokens;
        self
    }

    /// "Full jitter": evenly between nothing and the doubled base, so that callers that failed together do not come
    /// back together. `fraction` is from 0 to 1.
    fn backoff(&self, retries: u32, fraction: f64) -> Duration {
        let longest = self.base.saturating_mul(2_u32.saturating_pow(retries)).min(self.cap);
        longest.mul_f64(fraction.clamp(0.0, 1.0))
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_retries: 2,
            base: Duration::from_millis(200),
            cap: Duration::from_secs(8),
            budget: budget::DEFAULT_TOKENS,
        }
    }
}

/// Why an attempt failed, as far as a retry is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There was no connection.
    NotSent,
    /// The connection was lost after bytes went out.
    Lost,
    /// The attempt's time was up.
    TimedOut,
    /// The service said that it processed nothing.
    NotProcessed,
    /// The service answered with this status.
    Status(u16),
    /// A sealed call was answered with this status outside the seal: by the service, or by anyone on the way.
    Unsealed(u16),
    /// The service refused the seal or the credentials, so it processed nothing, and the reason has been seen to.
    Mended(Mend),
    /// It will fail again.
    Permanent,
}

/// What was seen to, which is tried once in a call and is no retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mend {
    /// The keys are forgotten.
    Keys,
    /// The clock is set.
    Clock,
    /// There are other credentials.
    Credentials,
}

/// Whether the service can tell a repeated request from a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It can: there is an idempotency key, or the method reads only.
    Recognised,
    /// It cannot.
    Blind,
}

impl Cause {
    /// The table in `docs/retries.md`.
    fn allows_retry(self, repeat: Repeat) -> bool {
        match self {
            Self::NotSent | Self::NotProcessed | Self::Status(408 | 429 | 503) => true,
            Self::Lost | Self::TimedOut | Self::Status(502 | 504) | Self::Unsealed(408 | 429 | 502..=504) => {
                repeat == Repeat::Recognised
            }
            Self::Status(_) | Self::Unsealed(_) | Self::Mended(_) | Self::Permanent => false,
        }
    }
}

/// The decision on one more attempt: wait this long, having paid so many tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Again {
    pub(crate) wait: Duration,
    pub(crate) paid: u32,
}

/// The policy of one client; clones of the client share it.
#[derive(Debug)]
pub(crate) struct Retry {
    config: RetryConfig,
    budget: Budget,
    random: fn() -> f64,
}

impl Retry {
    pub(crate) fn new(config: RetryConfig, random: fn() -> f64) -> Self {
        Self { budget: Budget::new(config.budget), config, random }
    }

    /// Whether to try again after `retries` retries, with `left` of the call's time.
    pub(crate) fn again(
        &self,
        cause: Cause,
        repeat: Repeat,
        retries: u32,
        retry_after: Option<Duration>,
        left: Duration,
    ) -> Option<Again> {
        if retries >= self.config.max_retries || !cause.allows_retry(repeat) {
            return None;
        }
        // The jitter comes on top of Retry-After, or all who were told the same second would come at that second.
        let jitter = self.config.backoff(retries, (self.random)());
        let wait = retry_after.unwrap_or_default().saturating_add(jitter);
        if wait >= left {
            return None;
        }
        let cost = if cause == Cause::TimedOut { budget::TIMEOUT_COST } else { budget::RETRY_COST };
        self.budget.take(cost).then_some(Again { wait, paid: cost })
    }

    /// A call succeeded; its last retry had cost `paid` tokens, 0 where there was none.
    pub(crate) fn succeeded(&self, paid: u32) {
        self.budget.put(if paid == 0 { budget::SUCCESS_REFUND } else { paid });
    }
}

#[cfg(test)]
mod tests {
    use super::Cause::{Lost, Mended, NotProcessed, NotSent, Permanent, Status, TimedOut, Unsealed};
    use super::*;

    #[test]
    fn the_table_holds() {
        for (cause, recognised, blind) in [
            (NotSent, true, true),
            (Lost, true, false),
            (TimedOut, true, false),
            (NotProcessed, true, true),
            (Status(408), true, true),
            (Status(429), true, true),
            (Status(503), true, true),
            (Status(502), true, false),
            (Status(504), true, false),
            (Unsealed(408), true, false),
            (Unsealed(429), true, false),
            (Unsealed(502), true, false),
            (Unsealed(503), true, false),
            (Unsealed(500), false, false),
            (Status(302), false, false),
            (Status(400), false, false),
            (Status(401), false, false),
            (Status(402), false, false),
            (Status(403), false, false),
            (Status(404), false, false),
            (Status(409), false, false),
            (Status(413), false, false),
            (Status(422), false, false),
            (Status(500), false, false),
            (Status(501), false, false),
            (Mended(Mend::Keys), false, false),
            (Mended(Mend::Clock), false, false),
            (Mended(Mend::Credentials), false, false),
            (Permanent, false, false),
        ] {
            assert_eq!(cause.allows_retry(Repeat::Recognised), recognised, "{cause:?}, recognised");
            assert_eq!(cause.allows_retry(Repeat::Blind), blind, "{cause:?}, blind");
        }
    }

    #[test]
    fn the_wait_doubles_up_to_the_cap_and_jitter_stays_below() {
        let config = RetryConfig::default();
        for (retries, longest) in [(0, 200), (1, 400), (2, 800), (5, 6400), (6, 8000), (40, 8000), (u32::MAX, 8000)] {
            let longest = Duration::from_millis(longest);
            assert_eq!(config.backoff(retries, 0.0), Duration::ZERO);
            assert_eq!(config.backoff(retries, 1.0), longest);
            assert!(config.backoff(retries, 0.5) <= longest / 2 + Duration::from_nanos(1));
        }
    }

    #[test]
    fn retry_after_is_waited_for_unless_the_time_would_be_up() {
        let retry = Retry::new(RetryConfig::default(), || 0.5);
        let wait = |after, left| {
            let after = Some(Duration::from_secs(after));
            retry.again(Status(503), Repeat::Recognised, 0, after, Duration::from_secs(left)).map(|again| again.wait)
        };
        assert_eq!(wait(3, 60), Some(Duration::from_millis(3100)));
        assert_eq!(wait(3, 3), None);
        assert_eq!(wait(u64::MAX, 60), None);
    }

    #[test]
    fn retries_end() {
        let retry = Retry::new(RetryConfig::default(), || 0.0);
        let again = |retries| retry.again(NotSent, Repeat::Blind, retries, None, Duration::from_secs(1)).is_some();
        assert!(again(0) && again(1) && !again(2));
        let off = Retry::new(RetryConfig::off(), || 0.0);
        assert_eq!(off.again(NotSent, Repeat::Blind, 0, None, Duration::from_secs(1)), None);
    }

    #[test]
    fn an_empty_budget_ends_retries_and_success_fills_it() {
        let retry = Retry::new(RetryConfig::default().budget(14), || 0.0);
        let again = |cause| retry.again(cause, Repeat::Recognised, 0, None, Duration::from_secs(1));
        let paid = again(TimedOut).expect("14 tokens pay for a time-out").paid;
        assert_eq!(again(NotSent), None, "4 tokens do not pay for a retry");
        retry.succeeded(0);
        assert_eq!(again(NotSent).map(|again| again.paid), Some(5));
        retry.succeeded(paid);
        assert!(again(TimedOut).is_some());
    }
}
