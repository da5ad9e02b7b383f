//! The retry policy of a client.

use std::time::Duration;

use super::budget::{self, RetryBudget};
use super::cause::{FailureCause, Replayability};
use super::config::RetryConfig;

/// The decision to retry: the wait, and the tokens that it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetryDecision {
    pub(crate) wait: Duration,
    pub(crate) paid: u32,
}

/// The retry policy of one client, which its clones share.
#[derive(Debug)]
pub(crate) struct RetryPolicy {
    config: RetryConfig,
    budget: RetryBudget,
    random: fn() -> f64,
}

impl RetryPolicy {
    pub(crate) fn new(config: RetryConfig, random: fn() -> f64) -> Self {
        Self { budget: RetryBudget::new(config.budget), config, random }
    }

    /// Decides on a retry after `retries` retries, with `left` of the call's time.
    pub(crate) fn decide(
        &self,
        cause: FailureCause,
        repeat: Replayability,
        retries: u32,
        retry_after: Option<Duration>,
        left: Duration,
    ) -> Option<RetryDecision> {
        if retries >= self.config.max_retries || !cause.allows_retry(repeat) {
            return None;
        }
        // Jitter is added to Retry-After. Otherwise all clients with the same value would return at the same second.
        let jitter = self.config.backoff(retries, (self.random)());
        let wait = retry_after.unwrap_or_default().saturating_add(jitter);
        if wait >= left {
            return None;
        }
        let cost = if cause == FailureCause::TimedOut { budget::TIMEOUT_COST } else { budget::RETRY_COST };
        self.budget.take(cost).then_some(RetryDecision { wait, paid: cost })
    }

    /// Refunds tokens after a success. Its last retry cost `paid` tokens, 0 without a retry.
    pub(crate) fn succeeded(&self, paid: u32) {
        self.budget.put(if paid == 0 { budget::SUCCESS_REFUND } else { paid });
    }
}

#[cfg(test)]
mod tests {
    use super::FailureCause::{Lost, NotProcessed, NotSent, Permanent, Recovered, Status, TimedOut, Unsealed};
    use super::*;
    use crate::retry::Recovery;

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
            (Recovered(Recovery::Keys), false, false),
            (Recovered(Recovery::Clock), false, false),
            (Recovered(Recovery::Credentials), false, false),
            (Permanent, false, false),
        ] {
            assert_eq!(cause.allows_retry(Replayability::Idempotent), recognised, "{cause:?}, recognised");
            assert_eq!(cause.allows_retry(Replayability::NotIdempotent), blind, "{cause:?}, blind");
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
        let retry = RetryPolicy::new(RetryConfig::default(), || 0.5);
        let wait = |after, left| {
            let after = Some(Duration::from_secs(after));
            retry
                .decide(Status(503), Replayability::Idempotent, 0, after, Duration::from_secs(left))
                .map(|again| again.wait)
        };
        assert_eq!(wait(3, 60), Some(Duration::from_millis(3100)));
        assert_eq!(wait(3, 3), None);
        assert_eq!(wait(u64::MAX, 60), None);
    }

    #[test]
    fn retries_end() {
        let retry = RetryPolicy::new(RetryConfig::default(), || 0.0);
        let again = |retries| {
            retry.decide(NotSent, Replayability::NotIdempotent, retries, None, Duration::from_secs(1)).is_some()
        };
        assert!(again(0) && again(1) && !again(2));
        let off = RetryPolicy::new(RetryConfig::off(), || 0.0);
        assert_eq!(off.decide(NotSent, Replayability::NotIdempotent, 0, None, Duration::from_secs(1)), None);
    }

    #[test]
    fn an_empty_budget_ends_retries_and_success_fills_it() {
        let retry = RetryPolicy::new(RetryConfig::default().budget(14), || 0.0);
        let again = |cause| retry.decide(cause, Replayability::Idempotent, 0, None, Duration::from_secs(1));
        let paid = again(TimedOut).expect("14 tokens pay for a time-out").paid;
        assert_eq!(again(NotSent), None, "4 tokens do not pay for a retry");
        retry.succeeded(0);
        assert_eq!(again(NotSent).map(|again| again.paid), Some(5));
        retry.succeeded(paid);
        assert!(again(TimedOut).is_some());
    }
}
