//! The ledger's counter of a limit, with its floor and its ceiling at a moment.
//!
//! A month's counter starts at zero. A minute's is a token bucket by the generic cell rate algorithm (GCRA): the counter is a time on a
//! clock that advances by the limit each minute. The bucket refills because the floor rises with time, without a writer.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::limit::LimitPeriod;
use amaas_ledger::{CounterOutcome, CounterUpdate, LedgerKey};

/// A limit and where it is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LimitCounter {
    /// The counter's name: tenant or key, model, and dimension.
    pub name: String,
    /// The most that there may be.
    pub most: u64,
    /// Per minute or per month.
    pub period: LimitPeriod,
    /// The dimension that is counted.
    pub kind: LimitKind,
}

/// The kind of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// Calls.
    Requests,
    /// Rows, or tokens if the task counts tokens.
    Units,
    /// In billionths of the currency.
    Budget,
    /// The same, of a key.
    MaxCost,
}

/// A counter's bounds at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterWindow {
    pub key: LedgerKey,
    /// The number of the month; 0 for a limit per minute.
    pub period: i64,
    floor: i64,
    ceiling: i64,
    ttl: Duration,
}

impl LimitCounter {
    /// The counter at `now`, since 1970.
    pub fn at(&self, now: Duration) -> CounterWindow {
        let most = i64::try_from(self.most).unwrap_or(i64::MAX);
        let partition = format!("quota/{}", self.name);
        match self.period {
            LimitPeriod::Minute => {
                let units = now.as_millis() * u128::from(self.most) / MINUTE.as_millis();
                let floor = i64::try_from(units).unwrap_or(i64::MAX);
                // The clock's rate is part of the name: another limit has another clock.
                let key = LedgerKey::new(partition, format!("minute/{most}"));
                CounterWindow { key, period: 0, floor, ceiling: floor.saturating_add(most), ttl: MINUTE * 10 }
            }
            LimitPeriod::Month => {
                let (period, name, _) = month(now);
                let key = LedgerKey::new(partition, format!("month/{name}"));
                CounterWindow { key, period, floor: 0, ceiling: most, ttl: Duration::from_hours(24 * 40) }
            }
        }
    }

    /// The time until there is room for `missing` more.
    pub fn wait(&self, missing: u64, now: Duration) -> Duration {
        match self.period {
            LimitPeriod::Minute => {
                let milliseconds = u128::from(missing) * MINUTE.as_millis() / u128::from(self.most.max(1));
                Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX)) + Duration::from_millis(1)
            }
            LimitPeriod::Month => month(now).2,
        }
    }

    /// The largest lease of a process, and its largest overdraft.
    pub fn max_lease(&self) -> u64 {
        (self.most / MAX_LEASE_SHARE).max(1)
    }
}

impl CounterWindow {
    pub fn adding(&self, amount: u64) -> CounterUpdate {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        CounterUpdate { amount, floor: self.floor, ceiling: self.ceiling, ttl: self.ttl }
    }

    /// Adds an amount that was used on overdraft, whether or not there is room.
    pub fn settling(&self, amount: u64) -> CounterUpdate {
        CounterUpdate { ceiling: i64::MAX, ..self.adding(amount) }
    }

    pub fn returning(&self, amount: u64) -> CounterUpdate {
        let adding = self.adding(amount);
        CounterUpdate { amount: -adding.amount, floor: 0, ceiling: i64::MAX, ..adding }
    }

    /// By how much the limit is exceeded.
    pub fn overshoot(&self, counted: CounterOutcome) -> u64 {
        let (CounterOutcome::Now(value) | CounterOutcome::Full(value)) = counted;
        u64::try_from(value.saturating_sub(self.ceiling)).unwrap_or_default()
    }

    /// The room if the counter is at `value`.
    pub fn room(&self, value: i64) -> u64 {
        u64::try_from(self.ceiling.saturating_sub(value.max(self.floor))).unwrap_or_default()
    }
}

impl fmt::Display for LimitCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = match self.period {
            LimitPeriod::Minute => "minute",
            LimitPeriod::Month => "month",
        };
        match self.kind {
            LimitKind::Requests => write!(f, "{} requests a {period}", self.most),
            LimitKind::Units => write!(f, "{} units a {period}", self.most),
            LimitKind::Budget | LimitKind::MaxCost => {
                write!(f, "{} a {period}", crate::money::Money::from_nanos(self.most))
            }
        }
    }
}

/// The calendar month (UTC) at `now`: its number, its name, and the time until it ends.
pub(super) fn month(now: Duration) -> (i64, String, Duration) {
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let date = Offset::UTC.to_datetime(Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)).date();
    let number = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
    let days = i64::from(date.days_in_month()) - i64::from(date.day()) + 1;
    let left = days * DAY - seconds.rem_euclid(DAY);
    (number, format!("{:04}-{:02}", date.year(), date.month()), Duration::from_secs(left.unsigned_abs()))
}

const MINUTE: Duration = Duration::from_mins(1);
const DAY: i64 = 24 * 60 * 60;
/// The largest lease is the limit divided by this.
pub(super) const MAX_LEASE_SHARE: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(most: u64, period: LimitPeriod) -> LimitCounter {
        LimitCounter { name: "x".to_owned(), most, period, kind: LimitKind::Requests }
    }

    #[test]
    fn a_minute_is_a_bucket_that_time_fills() {
        let (counter, now) = (counter(600, LimitPeriod::Minute), Duration::from_hours(500_000));
        let full = counter.at(now);
        let spent = full.ceiling;
        assert_eq!((full.room(full.floor), full.room(spent), full.room(0)), (600, 0, 600));
        assert_eq!(counter.at(now + Duration::from_secs(1)).room(spent), 10);
        assert_eq!(counter.at(now + Duration::from_hours(1)).room(spent), 600);
        assert_eq!(counter.wait(10, now), Duration::from_millis(1001));
        assert_eq!((full.key.partition(), full.key.sort()), ("quota/x", "minute/600"));
    }

    #[test]
    fn a_month_is_that_of_the_calendar() {
        // 2028-02-29T23:59:58Z.
        let now = Duration::from_secs(1_835_481_598);
        let window = counter(9, LimitPeriod::Month).at(now);
        assert_eq!((window.key.sort(), window.floor, window.ceiling), ("month/2028-02", 0, 9));
        assert_eq!(month(now).2, Duration::from_secs(2));
        assert_eq!(month(now + Duration::from_secs(2)).1, "2028-03");
        assert_eq!(month(now + Duration::from_secs(2)).2, Duration::from_hours(24 * 31));
    }

    #[test]
    fn the_largest_limits_do_not_overflow() {
        let now = Duration::from_hours(24 * 365 * 200);
        let window = counter(10_000_000_000, LimitPeriod::Minute).at(now);
        assert_eq!(window.room(window.floor), 10_000_000_000);
        assert_eq!(counter(0, LimitPeriod::Minute).at(now).room(0), 0);
    }
}
