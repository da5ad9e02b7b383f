//! What a call has taken of its limits. Dropped, it puts all of it back: the call was not answered.

use std::sync::Arc;

use super::{Allowance, Kind};
use crate::error::Error;

/// What a call has taken.
#[derive(Debug, Default)]
pub(crate) struct Taken(Vec<(Arc<Allowance>, u64)>);

impl Taken {
    /// Takes `amount` of each of `allowances`; where one has not enough, nothing of any of them.
    pub(crate) async fn take(&mut self, allowances: &[Arc<Allowance>], amount: u64) -> Result<(), Error> {
        let before = self.0.len();
        let allowances = if amount == 0 { &[] } else { allowances };
        for allowance in allowances {
            if let Err(error) = allowance.take(amount).await {
                for (allowance, amount) in self.0.drain(before..) {
                    allowance.put_back(amount);
                }
                return Err(error);
            }
            self.0.push((Arc::clone(allowance), amount));
        }
        Ok(())
    }

    /// Keeps `used` of what was taken of `kind`, and puts the rest back.
    pub(crate) fn settle(&mut self, kind: Kind, used: u64) {
        for (allowance, amount) in self.0.iter_mut().filter(|(allowance, _)| allowance.kind() == kind) {
            if *amount > used {
                allowance.put_back(*amount - used);
                *amount = used;
            }
        }
    }

    /// Keeps what was taken: the call was answered.
    pub(crate) fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        for (allowance, amount) in self.0.drain(..) {
            allowance.put_back(amount);
        }
    }
}
