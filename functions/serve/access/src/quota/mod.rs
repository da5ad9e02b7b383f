//! How much a tenant may still call: limits and budgets, counted in the ledger, and used from leases in this process.

mod allowance;
mod error;
mod measure;
mod plan;
mod taken;
#[cfg(test)]
mod tests;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

pub use self::allowance::{Allowance, Left};
pub use self::error::QuotaError;
pub use self::measure::{Kind, Measure, Time};
pub use self::plan::Plan;
pub use self::taken::Taken;
use amaas_ledger::{Clock, Ledger};

/// This process's shares of limits.
pub struct Quotas {
    ledger: Arc<dyn Ledger>,
    clock: Clock,
    allowances: RwLock<HashMap<Measure, Arc<Allowance>>>,
}

impl Quotas {
    /// Quotas that are counted in `ledger`.
    pub fn new(ledger: Arc<dyn Ledger>, clock: Clock) -> Self {
        Self { ledger, clock, allowances: RwLock::default() }
    }

    /// The share of `measure`; there is one in a process.
    pub fn of(&self, measure: Measure) -> Arc<Allowance> {
        let mut all = self.allowances.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(allowance) = all.get(&measure) {
            return Arc::clone(allowance);
        }
        let allowance = Arc::new(Allowance::new(measure.clone(), Arc::clone(&self.ledger), self.clock.clone()));
        all.insert(measure, Arc::clone(&allowance));
        allowance
    }

    /// Gives back what nobody used for `idle`; all of it where that is nothing.
    pub async fn give_back(&self, idle: Duration) {
        let all: Vec<_> = {
            let all = self.allowances.read().unwrap_or_else(PoisonError::into_inner);
            all.iter().map(|(measure, allowance)| (measure.clone(), Arc::clone(allowance))).collect()
        };
        for (measure, allowance) in all {
            if allowance.give_back(idle).await {
                let mut all = self.allowances.write().unwrap_or_else(PoisonError::into_inner);
                // Whoever has it still may take a lease with it that is in no list: only one that nobody has goes.
                if Arc::strong_count(&allowance) == 2 {
                    all.remove(&measure);
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

/// How long a lease lies unused before it is given back.
pub const IDLE: Duration = Duration::from_secs(5);
