//! A trial of whether rows see one another: the second net behind the proof.
//!
//! The proof (`onnx/rows`) reads the graph and decides; the trial runs the network, and so finds faults of the proof and of ONNX
//! Runtime. It proves nothing itself: what it does not try may still be there. So it tries much: values of all sizes, integers of all
//! ranges, open lengths, odd numbers of rows, each row in other places, each row beside each other one, and inputs left out.
//!
//! It is bounded in time and in values. A set of rows that the network refuses is left out; one has to run.

mod differ;
mod sets;
mod sweep;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use amaas_wire::Tensor;

pub(super) use self::differ::tolerance;
use self::sweep::Stopped;
use crate::manifest::Golden;
use amaas_engine::infer::{RunnableNetwork, SyntheticValues, synthetic_inputs_like};
use amaas_engine::{Dim, TensorSpec};

/// What a trial saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// No row changed another one in so many sets of rows.
    Apart {
        sets: usize,
        /// Whether any two rows gave different answers; where none did, the trial shows nothing.
        told_apart: bool,
    },
    /// Rows that run together differ from those that run alone, by more than the order of sums explains, yet by little.
    Differs(String),
    /// Rows change one another.
    Mixed(String),
    /// There is nothing that the network takes, or it failed.
    NotRun(String),
}

/// Runs rows of `inputs` alone, together, beside other rows and in other places; those of `golden` too.
pub(super) fn probe(network: &mut impl RunnableNetwork, inputs: &[TensorSpec], golden: Option<&Golden>) -> Seen {
    probe_like(network, inputs, golden, SyntheticValues::default())
}

/// The same, with made-up values of the size of `like`, which the network takes.
pub(super) fn probe_like(
    network: &mut impl RunnableNetwork,
    inputs: &[TensorSpec],
    golden: Option<&Golden>,
    like: SyntheticValues,
) -> Seen {
    let begun = Instant::now();
    let (mut sets, mut told_apart, mut refused, mut differs) = (0, false, None, None);
    let golden = golden.and_then(|golden| sets::of_golden(golden, inputs));
    'sets: for set in golden.into_iter().map(Ok).chain(sets::made_up_sets(inputs, like)) {
        let set = match set {
            Ok(set) => set,
            Err(because) => {
                refused.get_or_insert(because);
                continue;
            }
        };
        for sent in combinations(inputs) {
            if sets > 0 && begun.elapsed() > LONGEST {
                break 'sets;
            }
            let set = set.only(&sent);
            // Calls that send nothing never share a run.
            if set.rows.iter().any(Vec::is_empty) {
                continue;
            }
            match sweep::sweep(network, &set) {
                Ok(differ) => (sets, told_apart) = (sets + 1, told_apart || differ),
                Err(Stopped::Refused(because)) => {
                    refused.get_or_insert(because);
                }
                // Another set may show more.
                Err(Stopped::Seen(Seen::Differs(because))) => {
                    sets += 1;
                    differs.get_or_insert(because);
                }
                Err(Stopped::Seen(seen)) => return seen,
            }
        }
    }
    match (differs, refused) {
        (Some(because), _) => Seen::Differs(because),
        (None, _) if sets > 0 => Seen::Apart { sets, told_apart },
        (None, Some(because)) => Seen::NotRun(because),
        (None, None) => Seen::NotRun("the network has no inputs".to_owned()),
    }
}

/// Which inputs are sent: each of the names, and all that have to be. Every combination of a few that may be left out; of many, none
/// of them, all, and each by itself.
fn combinations(inputs: &[TensorSpec]) -> Vec<Vec<&str>> {
    let names = |optional: bool| -> Vec<&str> {
        inputs.iter().filter(|input| input.optional == optional).map(|input| input.name.as_str()).collect()
    };
    let (required, optional) = (names(false), names(true));
    let of = |chosen: &dyn Fn(usize) -> bool| {
        let chosen = optional.iter().enumerate().filter(|(place, _)| chosen(*place)).map(|(_, name)| *name);
        required.iter().copied().chain(chosen).collect::<Vec<_>>()
    };
    if optional.len() <= FEW_OPTIONAL {
        return (0_usize..1 << optional.len()).map(|sent| of(&|place| sent >> place & 1 == 1)).collect();
    }
    let each = (0..optional.len()).map(|one| of(&|place| place == one));
    [of(&|_| false), of(&|_| true)].into_iter().chain(each).collect()
}

/// Ok where all inputs name their first dimension, and name it the same: calls that share a run are put together along it. What the
/// first dimensions of outputs are named is not asked, for the proof says what they are.
pub(super) fn same_batch(inputs: &[TensorSpec]) -> Result<(), String> {
    let mut batch: Option<&str> = None;
    for spec in inputs {
        let symbol = match spec.shape.first() {
            // Of one input alone there is no other that has to have as many rows.
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

/// Runs the network once, on made-up values of a size that it takes: what they are like. The error is that of the first size.
pub(super) fn trial(network: &mut impl RunnableNetwork, inputs: &[TensorSpec]) -> Result<SyntheticValues, String> {
    let mut refused = None;
    for length in TRIED {
        let like = SyntheticValues { length, ..SyntheticValues::default() };
        let made = synthetic_inputs_like(inputs.iter().filter(|input| !input.optional), 1, like);
        match made.and_then(|made| network.run(&made).map_err(|error| error.for_operator())) {
            Ok(_) => return Ok(like),
            Err(because) => refused.get_or_insert(because),
        };
        // No size makes a difference where none is open.
        if !inputs.iter().any(|input| input.unranked || input.shape.iter().skip(1).any(|dim| dim.fixed().is_none())) {
            break;
        }
    }
    Err(refused.unwrap_or_default())
}

/// One row: a tensor for each input that is sent.
type Row = Vec<Tensor>;

/// Sizes of dimensions that a caller may choose: small ones, then those of images.
const TRIED: [usize; 8] = [4, 7, 1, 16, 3, 32, 64, 224];
/// Which of three inputs go together with which is tried in eight ways.
const FEW_OPTIONAL: usize = 3;
/// No further set is begun behind it.
const LONGEST: Duration = Duration::from_secs(10);
