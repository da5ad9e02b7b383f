//! What calls to a model cost.

use serde::{Deserialize, Serialize};

use crate::money::Money;

/// The price of calls to a model. It counts what is known before a network runs, so that a budget is never overdrawn; time is
/// recorded, and not charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Of each call.
    pub call: Money,
    /// Of each unit of it: a token where the model's task counts them, else a row.
    pub unit: Money,
}

impl Price {
    /// What a call of so many units costs.
    pub fn of(self, units: u64) -> Money {
        self.call.plus(self.unit.times(units))
    }
}
