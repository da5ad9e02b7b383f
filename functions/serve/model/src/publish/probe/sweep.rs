//! The runs of one set of rows.

use std::time::{Duration, Instant};

use amaas_wire::Tensor;

use super::differ::{Gap, gap, magnitude, nudged};
use super::sets::Set;
use super::{Row, Seen};
use amaas_engine::infer::{RunnableNetwork, join, split};

/// Why the runs of a set ended early.
pub(super) enum Stopped {
    /// The network does not take these values.
    Refused(String),
    /// What there is to say is known.
    Seen(Seen),
}

/// Runs `set` in every way; whether any two of its rows gave different answers.
pub(super) fn sweep(network: &mut impl RunnableNetwork, set: &Set) -> Result<bool, Stopped> {
    let (begun, mut alone) = (Instant::now(), Vec::with_capacity(set.rows.len()));
    for row in &set.rows {
        alone.push(network.run(row).map_err(|error| Stopped::Refused(error.for_operator()))?);
        // What it gives can be far larger than what it takes.
        let bytes: usize = alone[0].iter().map(|output| output.data().byte_size()).sum();
        let is_slow = begun.elapsed() > SLOW && alone.len() >= FEW_ROWS;
        if is_slow || alone.len() >= (MOST_BYTES / bytes.max(1)).max(2) {
            break;
        }
    }
    let set = Set { rows: set.rows[..alone.len()].to_vec(), strangers: set.strangers[..alone.len()].to_vec() };
    let mut trial = Trial { network, set: &set, alone: &alone };
    // What is found here needs no tolerance, so it comes first.
    trial.beside_strangers()?;
    for order in orders(alone.len()) {
        trial.as_alone(&order)?;
    }
    Ok(alone.iter().any(|outputs| *outputs != alone[0]))
}

/// Which rows are run together, and in which order: two calls of one row, one of two and one of three, all, and all in other places.
fn orders(rows: usize) -> Vec<Vec<usize>> {
    let all = 0..rows;
    let mut orders = vec![vec![0, 1], all.clone().take(5).collect(), all.clone().collect()];
    orders.extend([all.clone().rev().collect(), all.map(|row| (row + 3) % rows).collect()]);
    orders.dedup();
    orders
}

struct Trial<'t, N> {
    network: &'t mut N,
    set: &'t Set,
    /// What each row gives alone.
    alone: &'t [Vec<Tensor>],
}

impl<N: RunnableNetwork> Trial<'_, N> {
    /// Ok where the rows of `order` give together what each gives alone.
    fn as_alone(&mut self, order: &[usize]) -> Result<(), Stopped> {
        let rows: Vec<_> = order.iter().map(|row| &self.set.rows[*row]).collect();
        let together = self.together(&rows)?;
        for output in 0..self.alone[0].len() {
            // What is near nothing may be what is left of ones that were rounded, as a sigmoid's is.
            let largest = self.alone.iter().map(|outputs| magnitude(&outputs[output])).fold(LEAST_MAGNITUDE, f64::max);
            let mut all = Gap::default();
            for (outputs, row) in together.iter().zip(order) {
                let (expected, got) = (&self.alone[*row][output], &outputs[output]);
                let Some(gap) = gap(expected, got) else { return Err(shape(expected, got)) };
                // Where a row's own last bits change as much, the order of sums does.
                let explained = gap.is_within(expected, largest) || self.explains(*row, output, gap);
                all = all.and(if explained { Gap { of: gap.of, ..Gap::default() } } else { gap });
            }
            if all.is_none() {
                continue;
            }
            let name = self.alone[0][output].name();
            let what =
                format!("{} rows run together gave other values of {name:?} than each gives alone: {all}", order.len());
            return Err(Stopped::Seen(if all.is_large(largest) { Seen::Mixed(what) } else { Seen::Differs(what) }));
        }
        Ok(())
    }

    /// Ok where no row changes when others of its run do: runs of one size, in which it has one place, are summed in one order. Each
    /// row stands beside each other one and beside what takes that one's place.
    fn beside_strangers(&mut self) -> Result<(), Stopped> {
        let count = self.set.rows.len();
        let whole = self.together(&self.set.rows.iter().collect::<Vec<_>>())?;
        // Any two places differ in some bit of their numbers.
        let bits = usize::BITS - (count - 1).leading_zeros();
        for (bit, side) in (0..bits).flat_map(|bit| [(bit, 0), (bit, 1)]) {
            let stays = |place: usize| place >> bit & 1 == side;
            let rows = &self.set.rows;
            let mixed: Vec<_> =
                (0..count).map(|place| if stays(place) { &rows[place] } else { &self.set.strangers[place] }).collect();
            let outputs = self.together(&mixed)?;
            for place in (0..count).filter(|place| stays(*place)) {
                for (expected, got) in whole[place].iter().zip(&outputs[place]) {
                    let Some(gap) = gap(expected, got) else { return Err(shape(expected, got)) };
                    if !gap.is_within(expected, magnitude(expected)) {
                        let what = format!(
                            "row {place} of {count} gave other values of {:?} when other rows of its run changed: {gap}",
                            expected.name()
                        );
                        return Err(Stopped::Seen(self.unless_random(&whole, what)?));
                    }
                }
            }
        }
        Ok(())
    }

    /// What is to be said of a run in which a row changed: `what`, unless the same run gives other values each time.
    fn unless_random(&mut self, whole: &[Vec<Tensor>], what: String) -> Result<Seen, Stopped> {
        let again = self.together(&self.set.rows.iter().collect::<Vec<_>>())?;
        let same = whole.iter().flatten().zip(again.iter().flatten());
        let mut same = same.map(|(one, other)| gap(one, other).is_some_and(|gap| gap.is_within(one, magnitude(one))));
        if same.all(|same| same) {
            Ok(Seen::Mixed(what))
        } else {
            Ok(Seen::Differs("the same run gives other values each time".to_owned()))
        }
    }

    /// Whether `output` of a row changes by as much as `gap` says, or nearly, where the row's own values change in their last bits.
    fn explains(&mut self, row: usize, output: usize, gap: Gap) -> bool {
        (0..NUDGES).any(|pattern| {
            let Ok(nudged) = self.network.run(&nudged(&self.set.rows[row], pattern)) else { return false };
            let own = nudged.get(output).and_then(|nudged| self::gap(&self.alone[row][output], nudged));
            own.is_some_and(|own| gap.furthest <= own.furthest * AMPLIFIED && (gap.differing == 0 || own.differing > 0))
        })
    }

    /// The outputs of each of `rows`, which run together.
    fn together(&mut self, rows: &[&Row]) -> Result<Vec<Vec<Tensor>>, Stopped> {
        let calls: Vec<_> = rows.iter().map(|row| row.as_slice()).collect();
        let joined = join(&calls).map_err(|error| Stopped::Refused(error.to_string()))?;
        let outputs = match self.network.run(&joined) {
            Ok(outputs) => outputs,
            Err(error) => return Err(self.fails(rows, &error.for_operator())),
        };
        let none = || Stopped::Seen(Seen::Mixed("the outputs do not have a row for each row of the inputs".to_owned()));
        split(&outputs, &vec![1; rows.len()]).ok_or_else(none)
    }

    /// Why a run of `rows` failed: one of them is refused alone, too, or it is their being together.
    fn fails(&mut self, rows: &[&Row], error: &str) -> Stopped {
        for row in rows {
            if let Err(error) = self.network.run(row) {
                return Stopped::Refused(error.for_operator());
            }
        }
        Stopped::Seen(Seen::NotRun(format!("a run of {} rows failed: {error}", rows.len())))
    }
}

fn shape(expected: &Tensor, got: &Tensor) -> Stopped {
    let (expected, got, name) = (expected.shape(), got.shape(), expected.name());
    Stopped::Seen(Seen::Mixed(format!(
        "a row of {name:?} has the shape {expected:?} in one run, and {got:?} in another"
    )))
}

/// Of outputs whose last bits are compared between runs of another size: a sigmoid is rounded as a number near 1 is, however small.
const LEAST_MAGNITUDE: f64 = 0.1;
/// Nudges of a row: one alone may happen to change nothing.
const NUDGES: usize = 4;
/// How much more than its nudge a row may change: sums of many values differ by more than one rounding.
const AMPLIFIED: f64 = 16.0;
/// Of a network that takes longer for a few rows alone no more are tried.
const SLOW: Duration = Duration::from_secs(1);
const FEW_ROWS: usize = 3;
/// Of what the rows of a set give alone.
const MOST_BYTES: usize = 256 << 20;
