//! Counters that several processes increment atomically, up to a ceiling.

use std::time::Duration;

/// An increment of a counter, with its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterUpdate {
    /// The increment; negative to return an amount.
    pub amount: i64,
    /// A counter that is lower or missing counts from here.
    pub floor: i64,
    /// The highest value that the counter may have afterwards.
    pub ceiling: i64,
    /// The time to live from now on.
    pub ttl: Duration,
}

impl CounterUpdate {
    /// The outcome for a counter at `value`, or for a missing one.
    pub(super) fn on(self, value: Option<i64>) -> CounterOutcome {
        let from = value.map_or(self.floor, |value| value.max(self.floor));
        match from.checked_add(self.amount) {
            Some(sum) if sum <= self.ceiling => CounterOutcome::Now(sum),
            _ => CounterOutcome::Full(from),
        }
    }
}

/// The outcome of an increment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterOutcome {
    /// The counter was incremented to this value.
    Now(i64),
    /// The increment would exceed the ceiling. The counter is unchanged at this value, or below the floor, which is given then.
    Full(i64),
}
