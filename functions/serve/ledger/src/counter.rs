//! Counters: numbers that many add to.

use std::time::Duration;

/// What is to be added to a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// What is added; less than nothing gives back.
    pub amount: i64,
    /// A counter that is lower, or not there, counts from here.
    pub floor: i64,
    /// The most that it may be afterwards.
    pub ceiling: i64,
    /// How long it lives from now on.
    pub lives: Duration,
}

impl Count {
    /// What a counter that stands at `value`, or that is not there, comes to.
    pub(super) fn on(self, value: Option<i64>) -> Counted {
        let from = value.map_or(self.floor, |value| value.max(self.floor));
        match from.checked_add(self.amount) {
            Some(sum) if sum <= self.ceiling => Counted::Now(sum),
            _ => Counted::Full(from),
        }
    }
}

/// What became of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It was added to, and stands at this.
    Now(i64),
    /// The amount would have taken it over its ceiling. It was left as it is: at this, or lower than its floor, which this is then.
    Full(i64),
}
