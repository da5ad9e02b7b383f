//! Median and spread of measured values.

use std::fmt;

/// The tenth percentile, the median and the ninetieth percentile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) p10: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
}

impl Spread {
    /// The spread of `values`, of at least one.
    pub(crate) fn of(values: &[f64]) -> Self {
        Self { p10: percentile(values, 10.0), p50: percentile(values, 50.0), p90: percentile(values, 90.0) }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p10, p50, p90 } = self;
        write!(f, "{} ({} to {})", short(*p50), short(*p10), short(*p90))
    }
}

/// The smallest of `values` that `percent` of them do not exceed.
pub(crate) fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a place in the list
    let rank = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// Three significant digits, or all before the point.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
