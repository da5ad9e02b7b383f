//! Settings of retries.

use std::time::Duration;

use super::budget;

/// How often and how fast failed attempts are retried.
///
/// ```
/// use std::time::Duration;
/// use amaas::RetryConfig;
///
/// let patient = RetryConfig::default().max_retries(4).base(Duration::from_millis(500));
/// let never = RetryConfig::off();
/// ```
#[doc = include_str!("../docs/retries.md")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryConfig {
    pub(super) max_retries: u32,
    base: Duration,
    cap: Duration,
    pub(super) budget: u32,
}

impl RetryConfig {
    /// No retries.
    pub fn off() -> Self {
        Self::default().max_retries(0)
    }

    /// The most retries of one call, not counting the first attempt.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The longest backoff before the first retry; it doubles with each.
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// The longest backoff before any retry, not counting `Retry-After`.
    #[must_use]
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// The tokens of the retry budget, which clones of a client share.
    #[must_use]
    pub fn budget(mut self, tokens: u32) -> Self {
        self.budget = tokens;
        self
    }

    /// Exponential backoff with full jitter: uniform between zero and the doubled base, so that clients that failed together do not
    /// return together. `fraction` is from 0 to 1.
    pub(super) fn backoff(&self, retries: u32, fraction: f64) -> Duration {
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
