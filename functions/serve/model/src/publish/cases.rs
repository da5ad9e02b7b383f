//! The values that a network is tried on: golden cases, else the example of its task, else made-up ones. What could not be tried is
//! said once.

use super::prepare::Trial;
use super::probe;
use crate::manifest::{GOLDEN_FORMAT, Golden, GoldenCase};
use amaas_engine::TensorSpec;
use amaas_engine::infer::{RunnableNetwork, SyntheticValues};
use amaas_engine::session::strip_source_paths;
use amaas_wire::Tensor;

/// What a network is tried on.
pub(super) enum Cases<'c> {
    /// Inputs with known outputs.
    Golden(&'c Golden),
    /// Inputs that mean something to the network.
    Example(Golden),
    /// Made-up ones, which it takes.
    MadeUp(&'c [TensorSpec], SyntheticValues),
    /// Nothing: it takes no values that are known here.
    None,
}

impl<'c> Cases<'c> {
    /// Cases for `network`: golden ones, else the inputs of its task's `example`. `warnings` tells if there are none.
    pub(super) fn of(
        (network, inputs): (&mut impl RunnableNetwork, &'c [TensorSpec]),
        golden: Option<&'c Golden>,
        example: Vec<Vec<Tensor>>,
        warnings: &mut Vec<String>,
    ) -> Self {
        if let Some(golden) = golden.filter(|golden| !golden.cases.is_empty()) {
            return Self::Golden(golden);
        }
        if !example.is_empty() {
            return Self::Example(cases(example));
        }
        match probe::trial(network, inputs) {
            Ok(like) => Self::MadeUp(inputs, like),
            Err(because) => {
                warnings.push(format!(
                    "the network was not tried: it does not take made-up values ({}). Give known inputs and outputs with --golden: then it \
                     is checked, and tried for shared runs and for its prepared form",
                    strip_source_paths(&because)
                ));
                Self::None
            }
        }
    }

    /// Cases with inputs that mean something.
    pub(super) fn golden(&self) -> Option<&Golden> {
        match self {
            Self::Golden(golden) => Some(golden),
            Self::Example(golden) => Some(golden),
            Self::MadeUp(..) | Self::None => None,
        }
    }

    /// What made-up values are like that the network takes.
    pub(super) fn like(&self) -> SyntheticValues {
        if let Self::MadeUp(_, like) = self { *like } else { SyntheticValues::default() }
    }

    /// What a prepared form is compared on.
    pub(super) fn trial(&self) -> Trial<'_> {
        match self {
            Self::Golden(golden) => Trial::Golden(golden),
            Self::Example(golden) => Trial::Golden(golden),
            Self::MadeUp(inputs, like) => Trial::Inputs(inputs, *like),
            Self::None => Trial::None,
        }
    }
}

/// Runs as cases of which the outputs are not known.
pub(super) fn cases(runs: Vec<Vec<Tensor>>) -> Golden {
    let cases = runs.into_iter().map(|inputs| GoldenCase { inputs, outputs: Vec::new() }).collect();
    Golden { format: GOLDEN_FORMAT.to_owned(), atol: 0.0, producer: String::new(), cases }
}
