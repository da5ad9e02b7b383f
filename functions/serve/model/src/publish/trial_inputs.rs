//! The inputs of a network's trials: golden cases, else the task's example, else synthetic inputs. Warns once if there are none.

use super::prepare::EquivalenceInputs;
use super::probe;
use crate::manifest::{GOLDEN_FORMAT, GoldenCase, GoldenCases};
use amaas_engine::TensorSpec;
use amaas_engine::infer::{RunnableNetwork, SyntheticValues};
use amaas_engine::session::strip_source_paths;
use amaas_wire::Tensor;

/// The inputs of a network's trials.
pub(super) enum TrialInputs<'c> {
    /// Inputs with known outputs.
    Golden(&'c GoldenCases),
    /// The inputs that the task made of its example, with unknown outputs.
    Example(GoldenCases),
    /// Synthetic inputs, which the network accepts.
    Synthetic(&'c [TensorSpec], SyntheticValues),
    /// None: the network does not accept synthetic inputs.
    None,
}

impl<'c> TrialInputs<'c> {
    /// The inputs for `network`: golden cases, else those of the task's `example`, else synthetic ones. Adds a warning if there are none.
    pub(super) fn of(
        (network, inputs): (&mut impl RunnableNetwork, &'c [TensorSpec]),
        golden: Option<&'c GoldenCases>,
        example: Vec<Vec<Tensor>>,
        warnings: &mut Vec<String>,
    ) -> Self {
        if let Some(golden) = golden.filter(|golden| !golden.cases.is_empty()) {
            return Self::Golden(golden);
        }
        if !example.is_empty() {
            return Self::Example(unlabelled_cases(example));
        }
        match probe::find_values(network, inputs) {
            Ok(kind) => Self::Synthetic(inputs, kind),
            Err(reason) => {
                warnings.push(format!(
                    "the network was not tried: it does not accept synthetic inputs ({}). Give golden cases with --golden: then it \
                     is checked, and tried for shared runs and for its prepared form",
                    strip_source_paths(&reason)
                ));
                Self::None
            }
        }
    }

    /// The cases with real inputs.
    pub(super) fn golden(&self) -> Option<&GoldenCases> {
        match self {
            Self::Golden(golden) => Some(golden),
            Self::Example(golden) => Some(golden),
            Self::Synthetic(..) | Self::None => None,
        }
    }

    /// The kind of synthetic values that the network accepts.
    pub(super) fn value_kind(&self) -> SyntheticValues {
        if let Self::Synthetic(_, kind) = self { *kind } else { SyntheticValues::default() }
    }

    /// The inputs on which the prepared network is compared.
    pub(super) fn equivalence_inputs(&self) -> EquivalenceInputs<'_> {
        match self {
            Self::Golden(golden) => EquivalenceInputs::Golden(golden),
            Self::Example(golden) => EquivalenceInputs::Golden(golden),
            Self::Synthetic(inputs, kind) => EquivalenceInputs::Synthetic(inputs, *kind),
            Self::None => EquivalenceInputs::None,
        }
    }
}

/// Runs as cases with unknown outputs.
pub(super) fn unlabelled_cases(runs: Vec<Vec<Tensor>>) -> GoldenCases {
    let cases = runs.into_iter().map(|inputs| GoldenCase { inputs, outputs: Vec::new() }).collect();
    GoldenCases { format: GOLDEN_FORMAT.to_owned(), atol: 0.0, producer: String::new(), cases }
}
