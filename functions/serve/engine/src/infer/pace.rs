//! How long runs take, learnt from those that ended: which calls are short enough to be run where they come in, and how many rows
//! are best run together.
//!
//! Times are kept by the size of a row and the number of rows, each by powers of two, since a row of a thousand tokens says nothing
//! of one of ten. How many rows share a run is found as a climber finds a top in fog: now and then a run takes half as many or
//! twice as many, and where that takes less time a row, it is what is taken from then on.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::time::Duration;

use super::Valid;

/// What is known of a network's runs.
#[derive(Debug)]
pub(super) struct Pace {
    /// The most rows that may share a run.
    most: usize,
    /// By the size of a row.
    widths: BTreeMap<u32, Width>,
    /// Nanoseconds that single calls of some shapes take.
    shapes: BTreeMap<u64, Mean>,
}

/// How large a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: usize,
    /// The logarithm of a row's bytes.
    width: u32,
    /// Stands for the shapes of a single call's tensors.
    shapes: Option<u64>,
}

impl Size {
    /// Of a call.
    pub(super) fn of(call: &Valid) -> Self {
        // Seeded anew in each process, so that nobody makes shapes that stand for others.
        static SEED: OnceLock<RandomState> = OnceLock::new();
        let shapes = call.tensors().iter().map(|tensor| (tensor.name(), tensor.shape())).collect::<Vec<_>>();
        let shapes = SEED.get_or_init(RandomState::new).hash_one(shapes);
        Self { shapes: Some(shapes), ..Self::new(call.rows(), call.bytes()) }
    }

    /// Of rows that have so many bytes together.
    pub(super) fn new(rows: usize, bytes: usize) -> Self {
        Self { rows, width: (bytes / rows.max(1)).checked_ilog2().unwrap_or_default(), shapes: None }
    }

    /// So many rows of the same size, of one call or of more.
    pub(super) fn of_rows(self, rows: usize) -> Self {
        Self { rows, shapes: None, ..self }
    }
}

impl Pace {
    pub(super) fn new(most: NonZeroUsize) -> Self {
        Self { most: most.get(), widths: BTreeMap::new(), shapes: BTreeMap::new() }
    }

    /// Whether a run of this size is expected to take less than [`SHORT`]; not where none of these very shapes was seen yet: rows of
    /// one size can take very different times, for example as one long text or as many short ones.
    pub(super) fn is_short(&self, size: Size) -> bool {
        let known = size.shapes.and_then(|shapes| self.shapes.get(&shapes));
        known.and_then(|mean| mean.value()).is_some_and(|expected| expected < nanoseconds(SHORT))
    }

    /// How many rows the next run takes at most, where so many of this size wait.
    pub(super) fn bound(&mut self, waiting: Size) -> usize {
        let (most, steps) = (self.most, self.step(usize::MAX) + 1);
        let start = FIRST.min(steps - 1);
        let width = self.widths.entry(waiting.width).or_insert_with(|| Width::new(steps, start));
        let step = width.next(|step| rows(step, most) <= waiting.rows);
        rows(step, most)
    }

    /// A run of this size took `time`, which was to have at most `bound` rows.
    pub(super) fn ran(&mut self, size: Size, bound: usize, time: Duration) {
        let (step, steps) = (self.step(size.rows), self.step(usize::MAX) + 1);
        if let Some(shapes) = size.shapes {
            // Callers choose their shapes, and must not fill the memory with them.
            if self.shapes.len() >= MOST_SHAPES && !self.shapes.contains_key(&shapes) {
                self.shapes.clear();
            }
            self.shapes.entry(shapes).or_default().add(nanoseconds(time));
        }
        let a_row = nanoseconds(time) / count(size.rows);
        let width = self.widths.entry(size.width).or_insert_with(|| Width::new(steps, FIRST.min(steps - 1)));
        width.steps[step].all.add(a_row);
        // Runs that found fewer rows ran while there was less to do, so they are not compared.
        if size.rows == bound {
            width.steps[step].full.add(a_row);
            width.climb();
        }
    }

    /// The last step that has at most so many rows.
    fn step(&self, rows: usize) -> usize {
        let rows = rows.clamp(1, self.most);
        // The last step is `most` itself, which need be no power of two.
        let last = usize::from(rows == self.most && !self.most.is_power_of_two());
        rows.ilog2() as usize + last
    }
}

/// What is known of runs whose rows have one size.
#[derive(Debug)]
struct Width {
    steps: Vec<Step>,
    /// The step that runs have at most, but for trials.
    at: usize,
    /// Full runs since the last trial.
    since: u32,
    /// Whether that went up.
    went_up: bool,
}

/// Nanoseconds a row takes: of all runs, and of those that had as many rows as they were to have.
#[derive(Clone, Debug, Default)]
struct Step {
    all: Mean,
    full: Mean,
}

impl Width {
    fn new(steps: usize, at: usize) -> Self {
        Self { steps: vec![Step::default(); steps], at, since: 0, went_up: false }
    }

    /// The step of the next run, where `fill` says which ones what waits would fill.
    fn next(&mut self, fill: impl Fn(usize) -> bool) -> usize {
        if !fill(self.at) || !self.steps[self.at].full.counts() {
            return self.at;
        }
        self.since += 1;
        let up = Some(self.at + 1).filter(|up| *up < self.steps.len() && fill(*up));
        let down = self.at.checked_sub(1);
        let new = [up, down].into_iter().flatten().find(|step| !self.steps[*step].full.counts());
        if new.is_some() {
            return new.unwrap_or(self.at);
        }
        if self.since < EVERY {
            return self.at;
        }
        self.since = 0;
        self.went_up = !self.went_up;
        let (first, second) = if self.went_up { (up, down) } else { (down, up) };
        first.or(second).unwrap_or(self.at)
    }

    /// Goes to the step beside it where rows take less time there.
    fn climb(&mut self) {
        let time =
            |step: usize| self.steps.get(step).filter(|step| step.full.counts()).and_then(|step| step.full.value());
        let Some(here) = time(self.at) else { return };
        let beside = [self.at + 1, self.at.wrapping_sub(1)];
        let best = beside.into_iter().filter_map(|step| Some((step, time(step)?))).min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((step, there)) = best
            && there < here * BETTER
        {
            self.at = step;
        }
    }
}

/// A mean that forgets.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    value: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.count = self.count.saturating_add(1);
        self.value += (value - self.value) / f64::from(self.count.min(REMEMBERED));
    }

    fn value(self) -> Option<f64> {
        (self.count > 0).then_some(self.value)
    }

    /// Whether there were enough to compare it with others.
    fn counts(self) -> bool {
        self.count >= ENOUGH
    }
}

/// Rows of a step.
fn rows(step: usize, most: usize) -> usize {
    1_usize.checked_shl(u32::try_from(step).unwrap_or(u32::MAX)).map_or(most, |rows| rows.min(most))
}

#[allow(clippy::cast_precision_loss)] // nobody has 2^53 rows
fn count(rows: usize) -> f64 {
    rows.max(1) as f64
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// What a call may take of a thread that answers others too. One caller of a run of 9 µs waited 22 to 79 µs longer where it was handed
/// over and back, on two busy cores.
pub(super) const SHORT: Duration = Duration::from_micros(100);
/// Of how many shapes it is known how long a call takes.
const MOST_SHAPES: usize = 256;
/// The step that a network begins with, 4 rows.
const FIRST: usize = 2;
/// How many full runs lie between two trials.
const EVERY: u32 = 16;
/// What has to be left of the time a row takes.
const BETTER: f64 = 0.97;
/// Runs of which a mean consists, roughly.
const REMEMBERED: u32 = 8;
/// Runs without which nothing is compared.
const ENOUGH: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 256;

    fn pace(most: usize) -> Pace {
        Pace::new(NonZeroUsize::new(most).expect("positive"))
    }

    /// Runs as many rows as wait, `runs` times, each of which takes `cost` nanoseconds: how many rows they had.
    fn run(pace: &mut Pace, waiting: usize, runs: usize, cost: impl Fn(usize) -> f64) -> Vec<usize> {
        let mut state = 7_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            0.95 + 0.1 * f64::from(u32::try_from(state >> 32).expect("32 bits")) / f64::from(u32::MAX)
        };
        let one = |_| {
            let bound = pace.bound(Size::new(waiting, waiting * WIDTH));
            let rows = bound.min(waiting);
            let time = Duration::from_secs_f64(cost(rows) * noise() / 1e9);
            pace.ran(Size::new(rows, rows * WIDTH), bound, time);
            rows
        };
        (0..runs).map(one).collect()
    }

    /// A run that costs 100 µs more for each doubling between it and `best` rows, a row.
    fn valley(best: usize) -> impl Fn(usize) -> f64 {
        move |rows| count(rows) * (1e6 + 1e5 * (count(rows).log2() - count(best).log2()).abs())
    }

    fn most_common(rows: &[usize]) -> usize {
        *rows.iter().max_by_key(|rows_of| rows.iter().filter(|rows| rows == rows_of).count()).expect("runs")
    }

    #[test]
    fn runs_have_as_many_rows_as_take_the_least_time_each() {
        for (most, bests) in [(32, &[1, 2, 4, 8, 16, 32][..]), (24, &[1, 8, 16, 24]), (1, &[1]), (3, &[1, 2, 3])] {
            for best in bests {
                let mut pace = pace(most);
                run(&mut pace, 64, 200, valley(*best));
                let rows = run(&mut pace, 64, 160, valley(*best));
                assert_eq!(most_common(&rows), *best, "of {most}: {rows:?}");
                let others = rows.iter().filter(|rows| *rows != best).count();
                assert!(others <= 11, "one trial in sixteen runs, {others} of 160");
                assert!(rows.iter().all(|rows| *rows <= most));
            }
        }
    }

    #[test]
    fn what_costs_the_same_for_any_rows_takes_all_that_wait() {
        let mut pace = pace(32);
        let rows = run(&mut pace, 64, 40, |_| 5e3);
        assert!(rows[20..].iter().filter(|rows| **rows == 32).count() >= 18, "all but for trials: {rows:?}");
    }

    #[test]
    fn a_network_that_gets_another_best_is_followed() {
        let mut pace = pace(32);
        run(&mut pace, 64, 200, valley(32));
        run(&mut pace, 64, 1000, valley(2));
        assert_eq!(most_common(&run(&mut pace, 64, 100, valley(2))), 2);
    }

    #[test]
    fn where_few_wait_nothing_is_tried_that_they_would_not_fill() {
        let mut pace = pace(32);
        assert_eq!(run(&mut pace, 3, 50, valley(32)), [3; 50]);
        let rows = run(&mut pace, 8, 200, valley(32));
        assert_eq!(most_common(&rows[100..]), 8);
        assert!(rows.iter().all(|rows| [2, 4, 8].contains(rows)), "{rows:?}");
    }

    /// A call of `rows` rows in shapes that `shapes` stands for.
    fn shaped(rows: usize, shapes: u64) -> Size {
        Size { shapes: Some(shapes), ..Size::new(rows, rows * WIDTH) }
    }

    #[test]
    fn only_the_very_shapes_that_were_short_are_expected_to_be() {
        let mut pace = pace(32);
        for _ in 0..9 {
            pace.ran(shaped(1, 1), 1, SHORT / 2);
            pace.ran(shaped(1, 2), 1, SHORT * 100);
            pace.ran(Size::new(1, WIDTH), 1, SHORT / 2);
        }
        for (size, short) in
            [(shaped(1, 1), true), (shaped(1, 2), false), (shaped(1, 3), false), (Size::new(1, WIDTH), false)]
        {
            assert_eq!(pace.is_short(size), short, "{size:?}");
        }
        pace.ran(shaped(1, 1), 1, SHORT * 100);
        assert!(!pace.is_short(shaped(1, 1)), "one that took long is not forgotten at once");
        (0..64).for_each(|_| pace.ran(shaped(1, 1), 1, SHORT / 2));
        assert!(pace.is_short(shaped(1, 1)));
    }

    #[test]
    fn callers_cannot_fill_the_memory_with_shapes() {
        let mut pace = pace(32);
        (0..10_000).for_each(|shapes| pace.ran(shaped(1, shapes), 1, SHORT / 2));
        assert!(pace.shapes.len() <= MOST_SHAPES);
    }
}
