//! The reservation of a call against its limits. Dropping it puts everything back: the call was not answered.

use std::sync::Arc;

use super::{LeasedLimit, LimitKind};
use crate::quota::QuotaError;

/// Amounts that a call has taken from its limits.
#[derive(Debug, Default)]
pub struct Reservation(Vec<ReservedAmount>);

#[derive(Debug)]
struct ReservedAmount {
    limit: Arc<LeasedLimit>,
    amount: u64,
    /// The period that it was taken from.
    period: i64,
}

impl Reservation {
    /// Takes `amount` of each of `limits`; if one has too little, nothing is taken from any of them.
    pub async fn take(&mut self, limits: &[Arc<LeasedLimit>], amount: u64) -> Result<(), QuotaError> {
        let before = self.0.len();
        let limits = if amount == 0 { &[] } else { limits };
        for limit in limits {
            match limit.take(amount).await {
                Ok(period) => self.0.push(ReservedAmount { limit: Arc::clone(limit), amount, period }),
                Err(error) => {
                    self.0.drain(before..).for_each(ReservedAmount::put_back);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Keeps `used` of each amount of `kind`, and puts the rest back.
    pub fn settle(&mut self, kind: LimitKind, used: u64) {
        for index in 0..self.0.len() {
            // A call that was charged more than once has reserved several amounts of one limit.
            let (before, reserved) = self.0.split_at_mut(index);
            let Some(reserved) = reserved.first_mut().filter(|reserved| reserved.limit.kind() == kind) else {
                continue;
            };
            let same = before.iter().filter(|other| Arc::ptr_eq(&other.limit, &reserved.limit));
            let used = used.saturating_sub(same.map(|other| other.amount).sum());
            if reserved.amount > used {
                reserved.limit.put_back(reserved.amount - used, reserved.period);
                reserved.amount = used;
            }
        }
    }

    /// These and `more`.
    pub fn extend(&mut self, mut more: Self) {
        self.0.append(&mut more.0);
    }

    /// Keeps all amounts: the call was answered.
    pub fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.0.drain(..).for_each(ReservedAmount::put_back);
    }
}

impl ReservedAmount {
    #[allow(clippy::needless_pass_by_value)] // it is used up
    fn put_back(self) {
        self.limit.put_back(self.amount, self.period);
    }
}
