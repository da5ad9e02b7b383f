//! A trial of whether rows are independent: a second check behind the proof.
//!
//! The proof (`onnx/rows`) reads the graph and decides; the trial runs the network, and so finds bugs in the proof and in ONNX
//! Runtime. It proves nothing itself, so it tries many variations: magnitudes, integer ranges, dynamic dimensions, odd numbers of
//! rows, each row at other positions and next to each other row, and omitted optional inputs.
//!
//! It is bounded in time and values. A set of rows that the network rejects is skipped; at least one has to run.

mod sets;
mod sweep;
mod tensor_gap;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use amaas_wire::Tensor;

use self::sweep::SweepEnd;
pub(super) use self::tensor_gap::tolerance;
use crate::manifest::GoldenCases;
use amaas_engine::infer::{RunnableNetwork, SyntheticValues, synthetic_inputs_like};
use amaas_engine::{Dim, TensorSpec};

/// The result of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProbeResult {
    /// No row affected another one in this many sets of rows.
    Independent {
        sets: usize,
        /// Whether any two rows had different outputs; otherwise, the trial shows nothing.
        rows_differed: bool,
    },
    /// Outputs of batched rows differ from those of single rows, by little, but by more than the order of sums explains.
    Differs(String),
    /// Rows affect one another.
    Dependent(String),
    /// The network accepts no inputs of the trial, or a run failed.
    NotRun(String),
}

/// Runs rows alone, batched, next to other rows and at other positions: synthetic ones for `inputs`, and those of `golden`.
pub(super) fn probe(
    network: &mut impl RunnableNetwork,
    inputs: &[TensorSpec],
    golden: Option<&GoldenCases>,
) -> ProbeResult {
    probe_with_kind(network, inputs, golden, SyntheticValues::default())
}

/// The same, with synthetic inputs of the kind `like`, which the network accepts.
pub(super) fn probe_with_kind(
    network: &mut impl RunnableNetwork,
    inputs: &[TensorSpec],
    golden: Option<&GoldenCases>,
    like: SyntheticValues,
) -> ProbeResult {
    let mut trial =
        RowTrial { network, begun: Instant::now(), sets: 0, rows_differed: false, refused: None, differs: None };
    let real = golden.and_then(|golden| sets::golden_set(golden, inputs));
    let found = trial.try_sets(inputs, real.into_iter().map(Ok).chain(sets::synthetic_sets(inputs, like)));
    if let Some(found) = found {
        return found;
    }
    // Sizes that are not declared, such as the channels of images, are those of the known inputs.
    if trial.sets == 0
        && let Some(shaped) = golden.and_then(|golden| sets::shaped_like(golden, inputs))
        && let Some(found) = trial.try_sets(&shaped, sets::synthetic_sets(&shaped, like))
    {
        return found;
    }
    match (trial.differs, trial.refused) {
        (Some(reason), _) => ProbeResult::Differs(reason),
        (None, _) if trial.sets > 0 => {
            ProbeResult::Independent { sets: trial.sets, rows_differed: trial.rows_differed }
        }
        (None, Some(reason)) => ProbeResult::NotRun(reason),
        (None, None) => ProbeResult::NotRun("the network has no inputs".to_owned()),
    }
}

/// A trial under way.
struct RowTrial<'t, N> {
    network: &'t mut N,
    begun: Instant,
    sets: usize,
    rows_differed: bool,
    /// Why the first set that the network rejects is rejected.
    refused: Option<String>,
    differs: Option<String>,
}

impl<N: RunnableNetwork> RowTrial<'_, N> {
    /// Runs `sets` until the time is over, or until the result is known.
    fn try_sets(
        &mut self,
        inputs: &[TensorSpec],
        sets: impl Iterator<Item = Result<sets::RowSet, String>>,
    ) -> Option<ProbeResult> {
        for set in sets {
            let set = match set {
                Ok(set) => set,
                Err(reason) => {
                    self.refused.get_or_insert(reason);
                    continue;
                }
            };
            for sent in combinations(inputs) {
                if self.sets > 0 && self.begun.elapsed() > MAX_PROBE_TIME {
                    return None;
                }
                let set = set.with_inputs(&sent);
                // Calls without inputs never share a run.
                if set.rows.iter().any(Vec::is_empty) {
                    continue;
                }
                match sweep::sweep(self.network, &set) {
                    Ok(differ) => (self.sets, self.rows_differed) = (self.sets + 1, self.rows_differed || differ),
                    Err(SweepEnd::Refused(reason)) => {
                        self.refused.get_or_insert(reason);
                    }
                    // Another set may show more.
                    Err(SweepEnd::Found(ProbeResult::Differs(reason))) => {
                        self.sets += 1;
                        self.differs.get_or_insert(reason);
                    }
                    Err(SweepEnd::Found(seen)) => return Some(seen),
                }
            }
        }
        None
    }
}

/// The combinations of inputs to send: all required ones, with every combination of a few optional ones; of many, none, all,
/// and each one alone.
fn combinations(inputs: &[TensorSpec]) -> Vec<Vec<&str>> {
    let names = |optional: bool| -> Vec<&str> {
        inputs.iter().filter(|input| input.optional == optional).map(|input| input.name.as_str()).collect()
    };
    let (required, optional) = (names(false), names(true));
    let of = |chosen: &dyn Fn(usize) -> bool| {
        let chosen = optional.iter().enumerate().filter(|(place, _)| chosen(*place)).map(|(_, name)| *name);
        required.iter().copied().chain(chosen).collect::<Vec<_>>()
    };
    if optional.len() <= MAX_COMBINED_OPTIONAL {
        return (0_usize..1 << optional.len()).map(|sent| of(&|place| sent >> place & 1 == 1)).collect();
    }
    let each = (0..optional.len()).map(|one| of(&|place| place == one));
    [of(&|_| false), of(&|_| true)].into_iter().chain(each).collect()
}

/// Checks that the first dimensions of all inputs have one name: calls that share a run are concatenated along it. Those of
/// outputs are not checked, because the proof determines them.
pub(super) fn same_batch(inputs: &[TensorSpec]) -> Result<(), String> {
    let mut batch: Option<&str> = None;
    for spec in inputs {
        let symbol = match spec.shape.first() {
            // A single input needs no other with as many rows.
            Some(Dim::Symbol(symbol)) if inputs.len() == 1 && !symbol.is_empty() => symbol,
            Some(dim @ Dim::Symbol(_)) => dim
                .symbol()
                .ok_or_else(|| format!("the first dimension of {:?} has no name, such as \"batch\"", spec.name))?,
            Some(Dim::Fixed(_)) => return Err(format!("the first dimension of {:?} has a fixed size", spec.name)),
            None => return Err(format!("{:?} has no first dimension that is known", spec.name)),
        };
        if *batch.get_or_insert(symbol) != symbol {
            return Err(format!("first dimensions have different names: {symbol:?} of {:?} is another one", spec.name));
        }
    }
    if batch.is_none() { Err("the network has no inputs".to_owned()) } else { Ok(()) }
}

/// Finds a kind of synthetic inputs that the network accepts, by running it on several lengths. The error is that of the first length.
pub(super) fn find_values(
    network: &mut impl RunnableNetwork,
    inputs: &[TensorSpec],
) -> Result<SyntheticValues, String> {
    let mut refused = None;
    for length in TRIAL_LENGTHS {
        let like = SyntheticValues { length, ..SyntheticValues::default() };
        let made = synthetic_inputs_like(inputs.iter().filter(|input| !input.optional), 1, like);
        match made.and_then(|made| network.run(&made).map_err(|error| error.for_operator())) {
            Ok(_) => return Ok(like),
            Err(reason) => refused.get_or_insert(reason),
        };
        // The length matters only if a dimension is dynamic.
        if !inputs.iter().any(|input| input.unranked || input.shape.iter().skip(1).any(|dim| dim.fixed().is_none())) {
            break;
        }
    }
    Err(refused.unwrap_or_default())
}

/// One row: a tensor for each input.
type InputRow = Vec<Tensor>;

/// Sizes of dynamic dimensions: small ones, then those of images.
const TRIAL_LENGTHS: [usize; 8] = [4, 7, 1, 16, 3, 32, 64, 224];
/// Up to this many optional inputs are tried in all combinations: eight of three.
const MAX_COMBINED_OPTIONAL: usize = 3;
/// No further set is begun after this time.
const MAX_PROBE_TIME: Duration = Duration::from_secs(10);
