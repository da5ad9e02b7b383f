//! Amounts of money, in billionths of the operator's currency.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An amount of money. Prices of calls are small, so it counts billionths. The operator chooses the currency.
///
/// ```
/// use amaas_access::Money;
///
/// let price: Money = "0.0000125".parse()?;
/// assert_eq!((price.nanos(), price.to_string()), (12_500, "0.0000125".to_owned()));
/// assert_eq!("25".parse::<Money>()?.to_string(), "25");
/// assert!("1e-3".parse::<Money>().is_err());
/// # Ok::<(), amaas_access::MoneyError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Money(u64);

impl Money {
    /// An amount of so many billionths.
    pub fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The amount in billionths.
    pub fn nanos(self) -> u64 {
        self.0
    }

    /// The sum; saturates.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The product; saturates.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / BILLION, self.0 % BILLION);
        match rest {
            0 => write!(f, "{whole}"),
            rest => write!(f, "{whole}.{}", format!("{rest:09}").trim_end_matches('0')),
        }
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(rest) || rest.len() > 9 {
            return Err(MoneyError);
        }
        let whole: u64 = whole.parse().map_err(|_| MoneyError)?;
        let rest: u64 = format!("{rest:0<9}").parse().map_err(|_| MoneyError)?;
        // Bounded by what a ledger's counters hold.
        let nanos = whole.checked_mul(BILLION).and_then(|nanos| nanos.checked_add(rest));
        nanos.filter(|nanos| *nanos <= MAX_NANOS).map(Self).ok_or(MoneyError)
    }
}

impl TryFrom<String> for Money {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Money> for String {
    fn from(money: Money) -> Self {
        money.to_string()
    }
}

/// The text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an amount such as 25 or 0.0004, with at most nine digits after the point, and at most four billion")]
pub struct MoneyError;

const BILLION: u64 = 1_000_000_000;
const MAX_NANOS: u64 = 4_000_000_000 * BILLION;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for (text, nanos) in
            [("0", 0), ("1", BILLION), ("0.000000001", 1), ("12.5", 12_500_000_000), ("4000000000", MAX_NANOS)]
        {
            let money: Money = text.parse().expect("an amount");
            assert_eq!((money.nanos(), money.to_string()), (nanos, text.to_owned()));
        }
        for wrong in
            ["", ".", "1.", ".5", "-1", "+1", "1,5", "1e3", "0.0000000001", "4000000000.1", "99999999999999999999"]
        {
            assert!(wrong.parse::<Money>().is_err(), "{wrong}");
        }
    }
}
