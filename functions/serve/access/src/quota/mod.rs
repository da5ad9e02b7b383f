//! Rate limits, quotas and budgets: counted in the ledger, and used from leases in this process.

mod error;
mod leased_limit;
mod limit_counter;
mod plan;
mod reservation;
#[cfg(test)]
mod tests;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

pub use self::error::QuotaError;
pub use self::leased_limit::{LeasedLimit, RemainingLimit};
pub use self::limit_counter::{LimitCounter, LimitKind};
pub use self::plan::LimitPlan;
pub use self::reservation::Reservation;
use amaas_ledger::{Clock, Ledger};

/// This process's leases on limits.
pub struct Quotas {
    ledger: Arc<dyn Ledger>,
    clock: Clock,
    limits: RwLock<HashMap<LimitCounter, Arc<LeasedLimit>>>,
}

impl Quotas {
    /// Quotas that are counted in `ledger`.
    pub fn new(ledger: Arc<dyn Ledger>, clock: Clock) -> Self {
        Self { ledger, clock, limits: RwLock::default() }
    }

    /// The lease on the limit of `counter`; a process has one for each limit.
    pub fn of(&self, counter: LimitCounter) -> Arc<LeasedLimit> {
        let mut all = self.limits.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(limit) = all.get(&counter) {
            return Arc::clone(limit);
        }
        let limit = Arc::new(LeasedLimit::new(counter.clone(), Arc::clone(&self.ledger), self.clock.clone()));
        all.insert(counter, Arc::clone(&limit));
        limit
    }

    /// Returns leases that were idle for `idle`; all of them if that is zero.
    pub async fn give_back(&self, idle: Duration) {
        let all: Vec<_> = {
            let all = self.limits.read().unwrap_or_else(PoisonError::into_inner);
            all.iter().map(|(counter, limit)| (counter.clone(), Arc::clone(limit))).collect()
        };
        for (counter, limit) in all {
            if limit.give_back(idle).await {
                let mut all = self.limits.write().unwrap_or_else(PoisonError::into_inner);
                // A call that still holds it could take a lease that no list has, so only one without holders is removed.
                if Arc::strong_count(&limit) == 2 {
                    all.remove(&counter);
                }
            }
        }
    }
}

impl fmt::Debug for Quotas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quotas").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

/// How long a lease is idle before it is returned.
pub const LEASE_IDLE_TIMEOUT: Duration = Duration::from_secs(5);
