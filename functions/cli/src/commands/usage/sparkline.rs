//! The units of days as a sparkline.

use std::collections::BTreeMap;
use std::fmt::Write;

use amaas_access::meter::UtcDay;

/// The days of a sparkline, in order.
#[derive(Clone, Copy, Debug)]
pub(super) struct DayRange {
    first: UtcDay,
    days: usize,
    /// The number of days that share a bar.
    each: usize,
}

impl DayRange {
    /// From `since` to `until`, both included, without days after `today`.
    pub(super) fn new(since: UtcDay, until: UtcDay, today: UtcDay) -> Self {
        let until = until.min(today);
        let days = std::iter::successors(Some(since), |day| Some(day.next())).take_while(|day| *day <= until).count();
        Self { first: since, days, each: days.div_ceil(MAX_BARS).max(1) }
    }

    /// The head of the column: the period of a bar.
    pub(super) fn head(self) -> String {
        match self.each {
            1 => "UNITS A DAY".to_owned(),
            each => format!("UNITS IN {each} DAYS"),
        }
    }

    /// A bar for each day, or for several days together. The highest bar has the most units; a bar without units is the lowest.
    pub(super) fn line(self, units: &BTreeMap<UtcDay, u64>) -> String {
        let days = std::iter::successors(Some(self.first), |day| Some(day.next())).take(self.days);
        let of_days: Vec<u128> = days.map(|day| units.get(&day).copied().unwrap_or_default().into()).collect();
        // The last bar may have fewer days.
        let bars =
            of_days.chunks(self.each).map(|days| days.iter().sum::<u128>() * self.each as u128 / days.len() as u128);
        let bars: Vec<u128> = bars.collect();
        let most = bars.iter().copied().max().unwrap_or_default().max(1);
        let mut line = String::with_capacity(bars.len() * 3);
        for bar in bars {
            let level = (bar * (BAR_GLYPHS.len() as u128 - 1)).div_ceil(most);
            let _ = line.write_char(BAR_GLYPHS[usize::try_from(level).unwrap_or_default()]);
        }
        line
    }
}

const BAR_GLYPHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The days of the longest month.
const MAX_BARS: usize = 31;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> UtcDay {
        text.parse().expect("a day")
    }

    fn line(since: &str, until: &str, units: &[(&str, u64)]) -> (String, String) {
        let units = units.iter().map(|(text, units)| (day(text), *units)).collect();
        let range = DayRange::new(day(since), day(until), day("2026-12-31"));
        (range.head(), range.line(&units))
    }

    #[test]
    fn a_day_is_a_bar() {
        for (until, units, expected) in [
            ("2026-11-03", &[][..], "▁▁▁"),
            ("2026-11-03", &[("2026-11-02", 1)], "▁█▁"),
            ("2026-11-03", &[("2026-11-01", 1), ("2026-11-03", 1_000_000)], "▂▁█"),
            ("2026-11-02", &[("2026-11-01", u64::MAX), ("2026-11-02", u64::MAX / 2)], "█▅"),
            ("2026-11-01", &[("2026-11-01", 5)], "█"),
            // Days outside the range are left out.
            ("2026-11-02", &[("2026-10-31", 5), ("2026-11-02", 5), ("2026-11-03", 9)], "▁█"),
        ] {
            assert_eq!(line("2026-11-01", until, units), ("UNITS A DAY".to_owned(), expected.to_owned()));
        }
        let eighths: Vec<_> = (0..8).map(|at| (format!("2026-11-0{}", at + 1), at)).collect();
        let eighths: Vec<_> = eighths.iter().map(|(day, units)| (day.as_str(), *units)).collect();
        assert_eq!(line("2026-11-01", "2026-11-08", &eighths).1, "▁▂▃▄▅▆▇█");
    }

    #[test]
    fn long_ranges_have_bars_of_some_days() {
        assert_eq!(line("2026-10-01", "2026-10-31", &[]).1.chars().count(), 31);
        let (head, bars) = line("2026-10-01", "2026-11-01", &[("2026-10-02", 3), ("2026-11-01", 3)]);
        assert_eq!((head.as_str(), bars.as_str()), ("UNITS IN 2 DAYS", "█▁▁▁▁▁▁▁▁▁▁▁▁▁▁█"));
        let (head, bars) = line("2025-12-01", "2026-12-31", &[("2025-12-01", 26), ("2026-12-31", 6)]);
        assert_eq!((head.as_str(), bars.chars().count()), ("UNITS IN 13 DAYS", 31));
        assert!(bars.starts_with('█') && bars.ends_with('▅'), "half as many a day: {bars}");
    }

    #[test]
    fn days_that_are_not_there_have_no_bar() {
        assert_eq!(line("2026-12-30", "2027-02-01", &[]).1, "▁▁");
        assert_eq!(line("2027-01-02", "2027-02-01", &[]).1, "");
        assert_eq!(line("2026-11-02", "2026-11-01", &[]).1, "");
    }
}
