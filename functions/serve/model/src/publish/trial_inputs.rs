//! The values that a network is tried on: golden cases, else the example of its task, else made-up ones. What could not be tried is
//! said once.

use super::prepare::EquivalenceInputs;
use super::probe;
use crate::manifest::{GOLDEN_FORMAT, GoldenCase, GoldenCases};
use amaas_engine::TensorSpec;
use amaas_engine::infer::{Network, Values};
use amaas_engine::session::in_words;
use amaas_wire::Tensor;

/// What a network is tried on.
pub(super) enum TrialInputs<'c> {
    /// Inputs with known outputs.
    Golden(&'c GoldenCases),
    /// Inputs that mean something to the network.
    Example(GoldenCases),
    /// Made-up ones, which it takes.
    MadeUp(&'c [TensorSpec], Values),
    /// Nothing: it takes no values that are known here.
    None,
}

impl<'c> TrialInputs<'c> {
    /// Cases for `network`: golden ones, else the inputs of its task's `example`. `warnings` tells if there are none.
    pub(super) fn of(
        (network, inputs): (&mut impl Network, &'c [TensorSpec]),
        golden: Option<&'c GoldenCases>,
        example: Vec<Vec<Tensor>>,
        warnings: &mut Vec<String>,
    ) -> Self {
        if let Some(golden) = golden.filter(|golden| !golden.cases.is_empty()) {
            return Self::Golden(golden);
        }
        if !example.is_empty() {
            return Self::Example(cases(example));
        }
        match probe::find_values(network, inputs) {
            Ok(like) => Self::MadeUp(inputs, like),
            Err(reason) => {
                warnings.push(format!(
                    "the network was not tried: it does not take made-up values ({}). Give known inputs and outputs with --golden: then it \
                     is checked, and tried for shared runs and for its prepared form",
                    in_words(&reason)
                ));
                Self::None
            }
        }
    }

    /// Cases with inputs that mean something.
    pub(super) fn golden(&self) -> Option<&GoldenCases> {
        match self {
            Self::Golden(golden) => Some(golden),
            Self::Example(golden) => Some(golden),
            Self::MadeUp(..) | Self::None => None,
        }
    }

    /// What made-up values are like that the network takes.
    pub(super) fn like(&self) -> Values {
        if let Self::MadeUp(_, like) = self { *like } else { Values::default() }
    }

    /// What a prepared form is compared on.
    pub(super) fn trial(&self) -> EquivalenceInputs<'_> {
        match self {
            Self::Golden(golden) => EquivalenceInputs::Golden(golden),
            Self::Example(golden) => EquivalenceInputs::Golden(golden),
            Self::MadeUp(inputs, like) => EquivalenceInputs::Inputs(inputs, *like),
            Self::None => EquivalenceInputs::None,
        }
    }
}

/// Runs as cases of which the outputs are not known.
pub(super) fn cases(runs: Vec<Vec<Tensor>>) -> GoldenCases {
    let cases = runs.into_iter().map(|inputs| GoldenCase { inputs, outputs: Vec::new() }).collect();
    GoldenCases { format: GOLDEN_FORMAT.to_owned(), atol: 0.0, producer: String::new(), cases }
}
