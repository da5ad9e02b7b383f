//! Durations for people.

use std::fmt;
use std::time::Duration;

/// Displays a duration in one unit, rounded up.
pub(crate) struct ReadableDuration(pub(crate) Duration);

impl fmt::Display for ReadableDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0);
        match seconds {
            0..=120 => write!(f, "{seconds} s"),
            121..=7_200 => write!(f, "{} min", seconds.div_ceil(60)),
            7_201..=172_800 => write!(f, "{} h", seconds.div_ceil(3_600)),
            _ => write!(f, "{} days", seconds.div_ceil(86_400)),
        }
    }
}
