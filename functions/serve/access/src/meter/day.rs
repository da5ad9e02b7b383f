//! Calendar days (UTC): usage is recorded by the day on which a call was answered.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

/// A day, such as `2026-11-01`.
///
/// ```
/// use amaas_access::meter::UtcDay;
///
/// let day: UtcDay = "2028-02-28".parse()?;
/// assert_eq!(day.next().next().to_string(), "2028-03-01");
/// assert_eq!(UtcDay::at(1_835_481_598_000).to_string(), "2028-02-29");
/// assert!("2026-02-29".parse::<UtcDay>().is_err());
/// # Ok::<(), amaas_access::meter::UtcDayError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcDay(Date);

impl UtcDay {
    /// The day of a time in milliseconds since 1970.
    pub fn at(milliseconds: u64) -> Self {
        let time = i64::try_from(milliseconds).ok().and_then(|time| Timestamp::from_millisecond(time).ok());
        Self(Offset::UTC.to_datetime(time.unwrap_or(Timestamp::UNIX_EPOCH)).date())
    }

    /// The next day.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1.day()))
    }

    /// The previous day.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1.day()))
    }

    /// The first day of its month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// How many days later `other` is.
    pub fn until(self, other: Self) -> i64 {
        let days =
            |day: Self| Offset::UTC.to_timestamp(day.0.at(0, 0, 0, 0)).map_or(0, Timestamp::as_second) / (24 * 60 * 60);
        days(other) - days(self)
    }

    /// When it ends, in milliseconds since 1970.
    pub fn end(self) -> u64 {
        let end = Offset::UTC.to_timestamp(self.next().0.at(0, 0, 0, 0)).map(Timestamp::as_millisecond);
        u64::try_from(end.unwrap_or(i64::MAX)).unwrap_or_default()
    }
}

impl fmt::Display for UtcDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for UtcDay {
    type Err = UtcDayError;

    fn from_str(text: &str) -> Result<Self, UtcDayError> {
        // Digits and two hyphens only: other forms of ISO 8601 are not keys in the ledger.
        let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        text.parse().ok().filter(|_| plain).map(Self).ok_or(UtcDayError)
    }
}

/// The text is not a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a day such as 2026-11-01")]
pub struct UtcDayError;
