//! What a call has taken of its limits. Dropped, it puts all of it back: the call was not answered.

use std::sync::Arc;

use super::{Allowance, Kind};
use crate::quota::QuotaError;

/// What a call has taken.
#[derive(Debug, Default)]
pub struct Taken(Vec<Share>);

#[derive(Debug)]
struct Share {
    allowance: Arc<Allowance>,
    amount: u64,
    /// The period that it is of.
    period: i64,
}

impl Taken {
    /// Takes `amount` of each of `allowances`; where one has not enough, nothing of any of them.
    pub async fn take(&mut self, allowances: &[Arc<Allowance>], amount: u64) -> Result<(), QuotaError> {
        let before = self.0.len();
        let allowances = if amount == 0 { &[] } else { allowances };
        for allowance in allowances {
            match allowance.take(amount).await {
                Ok(period) => self.0.push(Share { allowance: Arc::clone(allowance), amount, period }),
                Err(error) => {
                    self.0.drain(before..).for_each(Share::put_back);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Keeps `used` of what was taken of `kind`, and puts the rest back.
    pub fn settle(&mut self, kind: Kind, used: u64) {
        for index in 0..self.0.len() {
            // A call that was charged more than once has several shares of one limit.
            let (before, share) = self.0.split_at_mut(index);
            let Some(share) = share.first_mut().filter(|share| share.allowance.kind() == kind) else { continue };
            let same = before.iter().filter(|other| Arc::ptr_eq(&other.allowance, &share.allowance));
            let used = used.saturating_sub(same.map(|other| other.amount).sum());
            if share.amount > used {
                share.allowance.put_back(share.amount - used, share.period);
                share.amount = used;
            }
        }
    }

    /// These and `more`.
    pub fn extend(&mut self, mut more: Self) {
        self.0.append(&mut more.0);
    }

    /// Keeps what was taken: the call was answered.
    pub fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Share::put_back);
    }
}

impl Share {
    #[allow(clippy::needless_pass_by_value)] // it is used up
    fn put_back(self) {
        self.allowance.put_back(self.amount, self.period);
    }
}
