//! Adaptive batch size and inline runs. The time of a row is tracked as an EWMA for each row-size class and batch size.
//! Hill climbing picks the batch size, and calls that are expected to finish within [`INLINE_RUN_LIMIT`] run inline.
//!
//! Row sizes and batch sizes are grouped by powers of two: the time of a row of a thousand tokens does not predict that
//! of a row of ten. Now and then a trial run has half or twice the batch size. If its rows take less time, its batch
//! size is used from then on.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::time::Duration;

use super::ValidTensors;

/// The adaptive batch size of a network, learnt from its runs.
#[derive(Debug)]
pub(super) struct AdaptiveBatchSize {
    /// The largest batch size.
    max_rows: usize,
    /// By the logarithm of a row's bytes.
    classes: BTreeMap<u32, RowSizeClass>,
    /// Nanoseconds of a single call, by the hash of its shapes.
    shapes: BTreeMap<u64, Ewma>,
}

/// The size of a call or of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallSize {
    pub(super) rows: usize,
    /// The binary logarithm of a row's bytes.
    class: u32,
    /// A hash of a single call's tensor names and shapes.
    shapes: Option<u64>,
}

impl CallSize {
    /// The size of a call.
    pub(super) fn of(call: &ValidTensors) -> Self {
        // The seed is random in each process, so that a client cannot construct colliding shapes.
        static SEED: OnceLock<RandomState> = OnceLock::new();
        let shapes = call.tensors().iter().map(|tensor| (tensor.name(), tensor.shape())).collect::<Vec<_>>();
        let shapes = SEED.get_or_init(RandomState::new).hash_one(shapes);
        Self { shapes: Some(shapes), ..Self::new(call.rows(), call.bytes()) }
    }

    /// The size of `rows` rows that have `bytes` bytes together.
    pub(super) fn new(rows: usize, bytes: usize) -> Self {
        Self { rows, class: (bytes / rows.max(1)).checked_ilog2().unwrap_or_default(), shapes: None }
    }

    /// The size of `rows` rows of the same class, of one call or several.
    pub(super) fn of_rows(self, rows: usize) -> Self {
        Self { rows, shapes: None, ..self }
    }
}

impl AdaptiveBatchSize {
    pub(super) fn new(max_rows: NonZeroUsize) -> Self {
        Self { max_rows: max_rows.get(), classes: BTreeMap::new(), shapes: BTreeMap::new() }
    }

    /// Whether a call is expected to take less than [`INLINE_RUN_LIMIT`]. False if these shapes have not run yet: rows
    /// of one class can take very different times, for example as one long text or as many short ones.
    pub(super) fn is_expected_short(&self, size: CallSize) -> bool {
        let known = size.shapes.and_then(|shapes| self.shapes.get(&shapes));
        known.and_then(|ewma| ewma.value()).is_some_and(|expected| expected < nanoseconds(INLINE_RUN_LIMIT))
    }

    /// The batch size of the next run, given the `waiting` rows.
    pub(super) fn next_batch_size(&mut self, waiting: CallSize) -> usize {
        let (max_rows, steps) = (self.max_rows, self.step(usize::MAX) + 1);
        let start = INITIAL_STEP.min(steps - 1);
        let class = self.classes.entry(waiting.class).or_insert_with(|| RowSizeClass::new(steps, start));
        let step = class.next_step(|step| rows(step, max_rows) <= waiting.rows);
        rows(step, max_rows)
    }

    /// Records that a run of this size, with the batch size limit `bound`, took `time`.
    pub(super) fn record_run(&mut self, size: CallSize, bound: usize, time: Duration) {
        let (step, steps) = (self.step(size.rows), self.step(usize::MAX) + 1);
        if let Some(shapes) = size.shapes {
            // Clients choose shapes, so their number is bounded.
            if self.shapes.len() >= MAX_KNOWN_SHAPES && !self.shapes.contains_key(&shapes) {
                self.shapes.clear();
            }
            self.shapes.entry(shapes).or_default().add(nanoseconds(time));
        }
        let per_row = nanoseconds(time) / count(size.rows);
        let class =
            self.classes.entry(size.class).or_insert_with(|| RowSizeClass::new(steps, INITIAL_STEP.min(steps - 1)));
        class.steps[step].all_runs.add(per_row);
        // Runs with fewer rows than their limit ran under less load, so they are not compared.
        if size.rows == bound {
            class.steps[step].full_runs.add(per_row);
            class.hill_climb();
        }
    }

    /// The largest step with at most `rows` rows.
    fn step(&self, rows: usize) -> usize {
        let rows = rows.clamp(1, self.max_rows);
        // The last step has `max_rows` rows, which need not be a power of two.
        let last = usize::from(rows == self.max_rows && !self.max_rows.is_power_of_two());
        rows.ilog2() as usize + last
    }
}

/// The statistics of one row-size class, and its current batch size.
#[derive(Debug)]
struct RowSizeClass {
    steps: Vec<BatchSizeStats>,
    /// The current step: the batch size of all runs but trials.
    current: usize,
    /// Full runs since the last trial.
    since_trial: u32,
    /// Whether the last trial was one step larger.
    last_trial_up: bool,
}

/// EWMA of the nanoseconds of a row: of all runs, and of full runs.
#[derive(Clone, Debug, Default)]
struct BatchSizeStats {
    all_runs: Ewma,
    full_runs: Ewma,
}

impl RowSizeClass {
    fn new(steps: usize, current: usize) -> Self {
        Self { steps: vec![BatchSizeStats::default(); steps], current, since_trial: 0, last_trial_up: false }
    }

    /// The step of the next run. `fill` says whether the waiting rows fill a step.
    fn next_step(&mut self, fill: impl Fn(usize) -> bool) -> usize {
        if !fill(self.current) || !self.steps[self.current].full_runs.has_enough_samples() {
            return self.current;
        }
        self.since_trial += 1;
        let up = Some(self.current + 1).filter(|up| *up < self.steps.len() && fill(*up));
        let down = self.current.checked_sub(1);
        let new = [up, down].into_iter().flatten().find(|step| !self.steps[*step].full_runs.has_enough_samples());
        if new.is_some() {
            return new.unwrap_or(self.current);
        }
        if self.since_trial < TRIAL_INTERVAL {
            return self.current;
        }
        self.since_trial = 0;
        self.last_trial_up = !self.last_trial_up;
        let (first, second) = if self.last_trial_up { (up, down) } else { (down, up) };
        first.or(second).unwrap_or(self.current)
    }

    /// Moves to the neighbouring step if its rows take less time.
    fn hill_climb(&mut self) {
        let time = |step: usize| {
            self.steps
                .get(step)
                .filter(|step| step.full_runs.has_enough_samples())
                .and_then(|step| step.full_runs.value())
        };
        let Some(here) = time(self.current) else { return };
        let beside = [self.current + 1, self.current.wrapping_sub(1)];
        let best = beside.into_iter().filter_map(|step| Some((step, time(step)?))).min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((step, there)) = best
            && there < here * MIN_IMPROVEMENT
        {
            self.current = step;
        }
    }
}

/// An exponentially weighted moving average.
#[derive(Clone, Copy, Debug, Default)]
struct Ewma {
    value: f64,
    count: u32,
}

impl Ewma {
    fn add(&mut self, value: f64) {
        self.count = self.count.saturating_add(1);
        self.value += (value - self.value) / f64::from(self.count.min(EWMA_WINDOW));
    }

    fn value(self) -> Option<f64> {
        (self.count > 0).then_some(self.value)
    }

    /// Whether there are enough samples for a comparison.
    fn has_enough_samples(self) -> bool {
        self.count >= MIN_SAMPLES
    }
}

/// The number of rows of a step.
fn rows(step: usize, max_rows: usize) -> usize {
    1_usize.checked_shl(u32::try_from(step).unwrap_or(u32::MAX)).map_or(max_rows, |rows| rows.min(max_rows))
}

#[allow(clippy::cast_precision_loss)] // row counts are below 2^53
fn count(rows: usize) -> f64 {
    rows.max(1) as f64
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// The longest run on a thread that serves other calls too. The hand-over of a run of 9 µs to a thread and back cost a
/// single caller 22 to 79 µs, on two busy cores.
pub(super) const INLINE_RUN_LIMIT: Duration = Duration::from_micros(100);
/// The number of shapes whose run time is kept.
const MAX_KNOWN_SHAPES: usize = 256;
/// The first step of a row-size class: 4 rows.
const INITIAL_STEP: usize = 2;
/// Full runs between two trials.
const TRIAL_INTERVAL: u32 = 16;
/// A step replaces another one if its time per row is at most this share.
const MIN_IMPROVEMENT: f64 = 0.97;
/// The effective number of samples of an EWMA.
const EWMA_WINDOW: u32 = 8;
/// Samples before a comparison.
const MIN_SAMPLES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 256;

    fn batch_size(most: usize) -> AdaptiveBatchSize {
        AdaptiveBatchSize::new(NonZeroUsize::new(most).expect("positive"))
    }

    /// Makes `runs` runs with `waiting` queued rows, each at `cost` nanoseconds. Returns the rows of each run.
    fn run(adaptive: &mut AdaptiveBatchSize, waiting: usize, runs: usize, cost: impl Fn(usize) -> f64) -> Vec<usize> {
        let mut state = 7_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            0.95 + 0.1 * f64::from(u32::try_from(state >> 32).expect("32 bits")) / f64::from(u32::MAX)
        };
        let one = |_| {
            let bound = adaptive.next_batch_size(CallSize::new(waiting, waiting * WIDTH));
            let rows = bound.min(waiting);
            let time = Duration::from_secs_f64(cost(rows) * noise() / 1e9);
            adaptive.record_run(CallSize::new(rows, rows * WIDTH), bound, time);
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
                let mut adaptive = batch_size(most);
                run(&mut adaptive, 64, 200, valley(*best));
                let rows = run(&mut adaptive, 64, 160, valley(*best));
                assert_eq!(most_common(&rows), *best, "of {most}: {rows:?}");
                let others = rows.iter().filter(|rows| *rows != best).count();
                assert!(others <= 11, "one trial in sixteen runs, {others} of 160");
                assert!(rows.iter().all(|rows| *rows <= most));
            }
        }
    }

    #[test]
    fn what_costs_the_same_for_any_rows_takes_all_that_wait() {
        let mut adaptive = batch_size(32);
        let rows = run(&mut adaptive, 64, 40, |_| 5e3);
        assert!(rows[20..].iter().filter(|rows| **rows == 32).count() >= 18, "all but for trials: {rows:?}");
    }

    #[test]
    fn a_network_that_gets_another_best_is_followed() {
        let mut adaptive = batch_size(32);
        run(&mut adaptive, 64, 200, valley(32));
        run(&mut adaptive, 64, 1000, valley(2));
        assert_eq!(most_common(&run(&mut adaptive, 64, 100, valley(2))), 2);
    }

    #[test]
    fn where_few_wait_nothing_is_tried_that_they_would_not_fill() {
        let mut adaptive = batch_size(32);
        assert_eq!(run(&mut adaptive, 3, 50, valley(32)), [3; 50]);
        let rows = run(&mut adaptive, 8, 200, valley(32));
        assert_eq!(most_common(&rows[100..]), 8);
        assert!(rows.iter().all(|rows| [2, 4, 8].contains(rows)), "{rows:?}");
    }

    /// A call of `rows` rows, whose shapes have the hash `shapes`.
    fn shaped(rows: usize, shapes: u64) -> CallSize {
        CallSize { shapes: Some(shapes), ..CallSize::new(rows, rows * WIDTH) }
    }

    #[test]
    fn only_the_very_shapes_that_were_short_are_expected_to_be() {
        let mut adaptive = batch_size(32);
        for _ in 0..9 {
            adaptive.record_run(shaped(1, 1), 1, INLINE_RUN_LIMIT / 2);
            adaptive.record_run(shaped(1, 2), 1, INLINE_RUN_LIMIT * 100);
            adaptive.record_run(CallSize::new(1, WIDTH), 1, INLINE_RUN_LIMIT / 2);
        }
        for (size, short) in
            [(shaped(1, 1), true), (shaped(1, 2), false), (shaped(1, 3), false), (CallSize::new(1, WIDTH), false)]
        {
            assert_eq!(adaptive.is_expected_short(size), short, "{size:?}");
        }
        adaptive.record_run(shaped(1, 1), 1, INLINE_RUN_LIMIT * 100);
        assert!(!adaptive.is_expected_short(shaped(1, 1)), "one that took long is not forgotten at once");
        (0..64).for_each(|_| adaptive.record_run(shaped(1, 1), 1, INLINE_RUN_LIMIT / 2));
        assert!(adaptive.is_expected_short(shaped(1, 1)));
    }

    #[test]
    fn callers_cannot_fill_the_memory_with_shapes() {
        let mut adaptive = batch_size(32);
        (0..10_000).for_each(|shapes| adaptive.record_run(shaped(1, shapes), 1, INLINE_RUN_LIMIT / 2));
        assert!(adaptive.shapes.len() <= MAX_KNOWN_SHAPES);
    }
}
