//! The retry budget: tokens that retries cost, shared by all clones of a client.
//!
//! The numbers are those of the AWS SDKs' standard retry mode, which stops retry load within seconds of an outage.

use std::sync::atomic::{AtomicU32, Ordering};

#[derive(Debug)]
pub(super) struct RetryBudget {
    tokens: AtomicU32,
    capacity: u32,
}

impl RetryBudget {
    pub(super) fn new(capacity: u32) -> Self {
        Self { tokens: AtomicU32::new(capacity), capacity }
    }

    /// Takes `cost` tokens. Takes none and returns `false` if there are fewer.
    pub(super) fn take(&self, cost: u32) -> bool {
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| tokens.checked_sub(cost)).is_ok()
    }

    /// Puts tokens back, up to the capacity.
    pub(super) fn put(&self, tokens: u32) {
        let fill = |now: u32| Some(now.saturating_add(tokens).min(self.capacity));
        let _ = self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fill);
    }
}

pub(super) const DEFAULT_TOKENS: u32 = 500;
pub(super) const RETRY_COST: u32 = 5;
pub(super) const TIMEOUT_COST: u32 = 10;
pub(super) const SUCCESS_REFUND: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_run_out_and_never_pass_the_capacity() {
        let budget = RetryBudget::new(10);
        assert!(budget.take(5) && budget.take(5));
        assert!(!budget.take(1));
        budget.put(u32::MAX);
        assert!(budget.take(10) && !budget.take(1));
    }
}
