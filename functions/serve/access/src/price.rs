//! Prices of calls to a model.

use serde::{Deserialize, Serialize};

use crate::money::Money;

/// The price of calls to a model. It depends on what is known before a network runs, so that a budget is never exceeded; time is
/// recorded, and not charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Per call.
    pub call: Money,
    /// Per unit: a token if the model's task counts them, else a row.
    pub unit: Money,
}

impl Price {
    /// The price of a call of so many units.
    pub fn of(self, units: u64) -> Money {
        self.call.plus(self.unit.times(units))
    }
}
