//! The networks of text recognition.

use amaas_model::task::{TaskContext, TaskError};

use super::detector::Detector;
use super::line::{DirectionClassifier, Recognizer};

/// The networks of text recognition. The detector is the model's own network. Without one, the recognizer is.
#[derive(Clone, Debug)]
pub(super) struct OcrNetworks {
    pub(super) detector: Option<Detector>,
    pub(super) recognizer: Recognizer,
    pub(super) direction: Option<DirectionClassifier>,
}

impl OcrNetworks {
    /// The name of the recognition network beside a detector.
    pub(super) const RECOGNITION: &'static str = "recognition";
    /// The name of the direction classifier.
    pub(super) const DIRECTION: &'static str = "direction";

    /// The networks of a model.
    ///
    /// # Errors
    /// If one is missing, or is not what its name says.
    pub(super) fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let own = &context.network;
        let outputs: Vec<usize> = own.outputs.iter().map(|output| output.shape.len()).collect();
        let recognition = context.networks.get(Self::RECOGNITION);
        let (detector, recognizer) = match (outputs.as_slice(), recognition) {
            ([4], Some(recognition)) => (Some(Detector::of(own)?), recognition),
            ([3], None) => (None, own),
            ([4], None) => {
                return Err(TaskError::new(format!(
                    "expected a network {:?} beside the detector, got none: amaas publish --network {}=FILE",
                    Self::RECOGNITION,
                    Self::RECOGNITION
                )));
            }
            ([3], Some(_)) => {
                return Err(TaskError::new(format!(
                    "the model's own network recognizes text: expected no network {:?} beside it",
                    Self::RECOGNITION
                )));
            }
            (got, _) => {
                return Err(TaskError::new(format!(
                    "expected one output of the model's own network, [batch, 1, height, width] of a detector or \
                     [batch, steps, classes] of a recognizer, got outputs of {got:?} dimensions"
                )));
            }
        };
        Ok(Self {
            detector,
            recognizer: Recognizer::of(&context.assets, recognizer)?,
            direction: context.networks.get(Self::DIRECTION).map(DirectionClassifier::of).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use amaas_engine::{Dim, TensorSpec};
    use amaas_model::task::NetworkInfo;
    use amaas_wire::Datatype;

    use super::*;

    fn network(output: usize) -> NetworkInfo {
        let spec = |name: &str, dims: usize| {
            let shape =
                (0..dims).map(|dim| if dim == 1 && dims == 4 { Dim::Fixed(3) } else { Dim::Symbol("n".to_owned()) });
            TensorSpec::new(name, Datatype::Fp32, shape.collect())
        };
        NetworkInfo {
            inputs: vec![spec("x", 4)],
            outputs: vec![spec("y", output)],
            metadata: [("character".to_owned(), "a".to_owned())].into_iter().collect(),
        }
    }

    fn load(own: usize, others: &[(&str, usize)]) -> Result<OcrNetworks, String> {
        let networks = others.iter().map(|(name, output)| ((*name).to_owned(), network(*output))).collect();
        let context = TaskContext { network: network(own), networks, ..TaskContext::default() };
        OcrNetworks::load(&context).map_err(|error| error.to_string())
    }

    #[test]
    fn a_recognizer_may_be_alone() {
        assert!(load(3, &[]).expect("a recognizer").detector.is_none());
        assert!(load(3, &[("direction", 2)]).expect("two networks").direction.is_some());
        assert!(load(4, &[("recognition", 3)]).expect("two networks").detector.is_some());
    }

    #[test]
    fn other_networks_are_refused() {
        for (own, others, expected) in [
            (4, &[][..], "expected a network \"recognition\" beside the detector, got none"),
            (3, &[("recognition", 3)], "expected no network \"recognition\" beside it"),
            (2, &[], "got outputs of [2] dimensions"),
            (4, &[("recognition", 4)], "expected [batch, steps, classes], got 4 dimensions"),
            (3, &[("direction", 3)], "the direction network: expected one output [batch, 2]"),
        ] {
            let error = load(own, others).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
