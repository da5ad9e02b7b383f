//! What is counted in the ledger against a limit: a counter, its floor and its ceiling.
//!
//! A month's counter begins at nothing. A minute's is a bucket: the counter stands for units of a clock on which the limit is a minute,
//! as in the generic cell rate algorithm, so that what the bucket regains with time is its floor, and nobody has to fill it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::Offset;

use amaas_ledger::{Count, Counted, Key};

/// One limit of somebody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Measure {
    /// Whose limit it is, and of what, in the name of its counter.
    pub name: String,
    /// The most that there may be.
    pub most: u64,
    /// In which time.
    pub time: Time,
    /// What is said of it to whoever is refused.
    pub kind: Kind,
}

/// The period of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Time {
    /// A minute.
    Minute,
    /// A calendar month (UTC).
    Month,
}

/// What a limit limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Calls.
    Requests,
    /// Rows, or tokens where the task counts those.
    Units,
    /// In billionths of the currency.
    Budget,
    /// The same, of a key.
    MaxCost,
}

/// A counter as it is at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    pub key: Key,
    /// Tells the months of a counter apart.
    pub period: i64,
    floor: i64,
    ceiling: i64,
    lives: Duration,
}

impl Measure {
    /// Its counter at `now`, which is since 1970.
    pub fn at(&self, now: Duration) -> Counter {
        let most = i64::try_from(self.most).unwrap_or(i64::MAX);
        let partition = format!("quota/{}", self.name);
        match self.time {
            Time::Minute => {
                let units = now.as_millis() * u128::from(self.most) / MINUTE.as_millis();
                let floor = i64::try_from(units).unwrap_or(i64::MAX);
                // The rate of the clock is in its name: with another limit it is another clock.
                let key = Key::new(partition, format!("minute/{most}"));
                Counter { key, period: 0, floor, ceiling: floor.saturating_add(most), lives: MINUTE * 10 }
            }
            Time::Month => {
                let (period, name, _) = month(now);
                let key = Key::new(partition, format!("month/{name}"));
                Counter { key, period, floor: 0, ceiling: most, lives: Duration::from_hours(24 * 40) }
            }
        }
    }

    /// How long it takes until there is room for `missing` more.
    pub fn wait(&self, missing: u64, now: Duration) -> Duration {
        match self.time {
            Time::Minute => {
                let milliseconds = u128::from(missing) * MINUTE.as_millis() / u128::from(self.most.max(1));
                Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX)) + Duration::from_millis(1)
            }
            Time::Month => month(now).2,
        }
    }

    /// The most that a process has of it at once, and the most that it lends while the ledger cannot be asked.
    pub fn share(&self) -> u64 {
        (self.most / SHARES).max(1)
    }
}

impl Counter {
    pub fn adding(&self, amount: u64) -> Count {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        Count { amount, floor: self.floor, ceiling: self.ceiling, lives: self.lives }
    }

    /// Adds what was used already, whether or not there is room.
    pub fn settling(&self, amount: u64) -> Count {
        Count { ceiling: i64::MAX, ..self.adding(amount) }
    }

    pub fn giving_back(&self, amount: u64) -> Count {
        let adding = self.adding(amount);
        Count { amount: -adding.amount, floor: 0, ceiling: i64::MAX, ..adding }
    }

    /// By how much the limit is passed.
    pub fn passed(&self, counted: Counted) -> u64 {
        let (Counted::Now(value) | Counted::Full(value)) = counted;
        u64::try_from(value.saturating_sub(self.ceiling)).unwrap_or_default()
    }

    /// How much room there is where the counter stands at `value`.
    pub fn room(&self, value: i64) -> u64 {
        u64::try_from(self.ceiling.saturating_sub(value.max(self.floor))).unwrap_or_default()
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = match self.time {
            Time::Minute => "minute",
            Time::Month => "month",
        };
        match self.kind {
            Kind::Requests => write!(f, "{} requests a {time}", self.most),
            Kind::Units => write!(f, "{} units a {time}", self.most),
            Kind::Budget | Kind::MaxCost => write!(f, "{} a {time}", crate::money::Money::from_nanos(self.most)),
        }
    }
}

/// The month of the calendar (UTC) at `now`: its number, its name, and how long it goes on.
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
/// A process has at most one of so many parts of a limit.
pub(super) const SHARES: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(most: u64, time: Time) -> Measure {
        Measure { name: "x".to_owned(), most, time, kind: Kind::Requests }
    }

    #[test]
    fn a_minute_is_a_bucket_that_time_fills() {
        let (measure, now) = (measure(600, Time::Minute), Duration::from_hours(500_000));
        let full = measure.at(now);
        let spent = full.ceiling;
        assert_eq!((full.room(full.floor), full.room(spent), full.room(0)), (600, 0, 600));
        assert_eq!(measure.at(now + Duration::from_secs(1)).room(spent), 10);
        assert_eq!(measure.at(now + Duration::from_hours(1)).room(spent), 600);
        assert_eq!(measure.wait(10, now), Duration::from_millis(1001));
        assert_eq!((full.key.partition(), full.key.sort()), ("quota/x", "minute/600"));
    }

    #[test]
    fn a_month_is_that_of_the_calendar() {
        // 2028-02-29T23:59:58Z.
        let now = Duration::from_secs(1_835_481_598);
        let counter = measure(9, Time::Month).at(now);
        assert_eq!((counter.key.sort(), counter.floor, counter.ceiling), ("month/2028-02", 0, 9));
        assert_eq!(month(now).2, Duration::from_secs(2));
        assert_eq!(month(now + Duration::from_secs(2)).1, "2028-03");
        assert_eq!(month(now + Duration::from_secs(2)).2, Duration::from_hours(24 * 31));
    }

    #[test]
    fn the_largest_limits_do_not_overflow() {
        let now = Duration::from_hours(24 * 365 * 200);
        let counter = measure(10_000_000_000, Time::Minute).at(now);
        assert_eq!(counter.room(counter.floor), 10_000_000_000);
        assert_eq!(measure(0, Time::Minute).at(now).room(0), 0);
    }
}
