//! The runs of one set of rows.

use std::time::{Duration, Instant};

use amaas_wire::Tensor;

use super::sets::RowSet;
use super::tensor_gap::{TensorGap, gap, magnitude, nudged};
use super::{InputRow, ProbeResult};
use amaas_engine::infer::{RunnableNetwork, join, split};

/// Why the runs of a set ended early.
pub(super) enum SweepEnd {
    /// The network rejects these values.
    Refused(String),
    /// The result is known.
    Found(ProbeResult),
}

/// Runs `set` in all variations. Returns whether any two of its rows had different outputs.
pub(super) fn sweep(network: &mut impl RunnableNetwork, set: &RowSet) -> Result<bool, SweepEnd> {
    let (begun, mut alone) = (Instant::now(), Vec::with_capacity(set.rows.len()));
    for row in &set.rows {
        alone.push(network.run(row).map_err(|error| SweepEnd::Refused(error.for_operator()))?);
        // Outputs can be far larger than inputs.
        let bytes: usize = alone[0].iter().map(|output| output.data().byte_size()).sum();
        let is_slow = begun.elapsed() > SLOW_SET && alone.len() >= MIN_SLOW_ROWS;
        if is_slow || alone.len() >= (MAX_OUTPUT_BYTES / bytes.max(1)).max(2) {
            break;
        }
    }
    let set = RowSet { rows: set.rows[..alone.len()].to_vec(), replacements: set.replacements[..alone.len()].to_vec() };
    let mut trial = RowSweep { network, set: &set, alone: &alone };
    // The strictest comparison comes first.
    trial.compare_with_other_neighbours()?;
    for order in orders(alone.len()) {
        trial.compare_batched(&order)?;
    }
    Ok(alone.iter().any(|outputs| *outputs != alone[0]))
}

/// The batches to run: two rows, five, all, and all at other positions.
fn orders(rows: usize) -> Vec<Vec<usize>> {
    let all = 0..rows;
    let mut orders = vec![vec![0, 1], all.clone().take(5).collect(), all.clone().collect()];
    orders.extend([all.clone().rev().collect(), all.map(|row| (row + 3) % rows).collect()]);
    orders.dedup();
    orders
}

struct RowSweep<'t, N> {
    network: &'t mut N,
    set: &'t RowSet,
    /// The outputs of each row alone.
    alone: &'t [Vec<Tensor>],
}

impl<N: RunnableNetwork> RowSweep<'_, N> {
    /// Compares the rows of `order` in one batch with each row alone.
    fn compare_batched(&mut self, order: &[usize]) -> Result<(), SweepEnd> {
        let rows: Vec<_> = order.iter().map(|row| &self.set.rows[*row]).collect();
        let run_batched = self.run_batched(&rows)?;
        for output in 0..self.alone[0].len() {
            // Values near 0 may be rounded like values near 1, as those of a sigmoid are.
            let largest = self.alone.iter().map(|outputs| magnitude(&outputs[output])).fold(MIN_MAGNITUDE, f64::max);
            let mut all = TensorGap::default();
            for (outputs, row) in run_batched.iter().zip(order) {
                let (expected, got) = (&self.alone[*row][output], &outputs[output]);
                let Some(gap) = gap(expected, got) else { return Err(shape_mismatch(expected, got)) };
                // If a nudge of the row's last bits changes as much, the order of sums explains it.
                let explained = gap.is_within(expected, largest) || self.is_explained_by_nudge(*row, output, gap);
                all = all.combine(if explained { TensorGap { of: gap.of, ..TensorGap::default() } } else { gap });
            }
            if all.is_none() {
                continue;
            }
            let name = self.alone[0][output].name();
            let what =
                format!("{} rows in one run have other values of {name:?} than each has alone: {all}", order.len());
            return Err(SweepEnd::Found(if all.is_large(largest) {
                ProbeResult::Dependent(what)
            } else {
                ProbeResult::Differs(what)
            }));
        }
        Ok(())
    }

    /// Checks that no row changes if other rows of its batch are replaced. Batch size and position stay, and so the order of
    /// sums. Each row runs next to each other row and to its replacement.
    fn compare_with_other_neighbours(&mut self) -> Result<(), SweepEnd> {
        let count = self.set.rows.len();
        let whole = self.run_batched(&self.set.rows.iter().collect::<Vec<_>>())?;
        // Any two positions differ in some bit of their indices.
        let bits = usize::BITS - (count - 1).leading_zeros();
        for (bit, side) in (0..bits).flat_map(|bit| [(bit, 0), (bit, 1)]) {
            let stays = |place: usize| place >> bit & 1 == side;
            let rows = &self.set.rows;
            let mixed: Vec<_> = (0..count)
                .map(|place| if stays(place) { &rows[place] } else { &self.set.replacements[place] })
                .collect();
            let outputs = self.run_batched(&mixed)?;
            for place in (0..count).filter(|place| stays(*place)) {
                for (expected, got) in whole[place].iter().zip(&outputs[place]) {
                    let Some(gap) = gap(expected, got) else { return Err(shape_mismatch(expected, got)) };
                    if !gap.is_within(expected, magnitude(expected)) {
                        let what = format!(
                            "row {place} of {count} changed its values of {:?} when other rows of its run changed: {gap}",
                            expected.name()
                        );
                        return Err(SweepEnd::Found(self.dependent_unless_random(&whole, what)?));
                    }
                }
            }
        }
        Ok(())
    }

    /// The result for a run in which a row changed: dependent for the reason `what`, unless the network is not deterministic.
    fn dependent_unless_random(&mut self, whole: &[Vec<Tensor>], what: String) -> Result<ProbeResult, SweepEnd> {
        let again = self.run_batched(&self.set.rows.iter().collect::<Vec<_>>())?;
        let same = whole.iter().flatten().zip(again.iter().flatten());
        let mut same = same.map(|(one, other)| gap(one, other).is_some_and(|gap| gap.is_within(one, magnitude(one))));
        if same.all(|same| same) {
            Ok(ProbeResult::Dependent(what))
        } else {
            Ok(ProbeResult::Differs("the same run gives other values each time".to_owned()))
        }
    }

    /// Whether a nudge of the row's own last bits changes `output` by about as much as `gap`.
    fn is_explained_by_nudge(&mut self, row: usize, output: usize, gap: TensorGap) -> bool {
        (0..NUDGE_PATTERNS).any(|pattern| {
            let Ok(nudged) = self.network.run(&nudged(&self.set.rows[row], pattern)) else { return false };
            let own = nudged.get(output).and_then(|nudged| self::gap(&self.alone[row][output], nudged));
            own.is_some_and(|own| {
                gap.max_difference <= own.max_difference * MAX_AMPLIFICATION
                    && (gap.differing == 0 || own.differing > 0)
            })
        })
    }

    /// Runs `rows` as one batch, and returns the outputs of each.
    fn run_batched(&mut self, rows: &[&InputRow]) -> Result<Vec<Vec<Tensor>>, SweepEnd> {
        let calls: Vec<_> = rows.iter().map(|row| row.as_slice()).collect();
        let joined = join(&calls).map_err(|error| SweepEnd::Refused(error.to_string()))?;
        let outputs = match self.network.run(&joined) {
            Ok(outputs) => outputs,
            Err(error) => return Err(self.classify_failure(rows, &error.for_operator())),
        };
        let none = || {
            SweepEnd::Found(ProbeResult::Dependent(
                "the outputs do not have a row for each row of the inputs".to_owned(),
            ))
        };
        split(&outputs, &vec![1; rows.len()]).ok_or_else(none)
    }

    /// Why a batch of `rows` failed: either one of them fails alone too, or only the batch does.
    fn classify_failure(&mut self, rows: &[&InputRow], error: &str) -> SweepEnd {
        for row in rows {
            if let Err(error) = self.network.run(row) {
                return SweepEnd::Refused(error.for_operator());
            }
        }
        SweepEnd::Found(ProbeResult::NotRun(format!("a run of {} rows failed: {error}", rows.len())))
    }
}

fn shape_mismatch(expected: &Tensor, got: &Tensor) -> SweepEnd {
    let (expected, got, name) = (expected.shape(), got.shape(), expected.name());
    SweepEnd::Found(ProbeResult::Dependent(format!(
        "a row of {name:?} has the shape {expected:?} in one run, and {got:?} in another"
    )))
}

/// The least magnitude that tolerances refer to: a sigmoid's output is rounded like a number near 1, even if it is small.
const MIN_MAGNITUDE: f64 = 0.1;
/// Nudges of a row; a single one may change nothing by chance.
const NUDGE_PATTERNS: usize = 4;
/// How much more than by its nudge a row may change: sums of many values differ by more than one rounding.
const MAX_AMPLIFICATION: f64 = 16.0;
/// If a few rows alone take longer than this, no more rows are run.
const SLOW_SET: Duration = Duration::from_secs(1);
const MIN_SLOW_ROWS: usize = 3;
/// Bound on the outputs of the rows of a set.
const MAX_OUTPUT_BYTES: usize = 256 << 20;
