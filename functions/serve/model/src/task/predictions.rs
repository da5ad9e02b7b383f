//! The predictions of a call, one for each input.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use amaas_wire::predict::FailedPrediction;
use amaas_wire::problem::{Problem, TYPE_PREFIX};
use amaas_wire::{Classify, DecodeError, ErrorClass};

use crate::error::{InputError, PredictError};

/// One result for each input of a call, in order. If the client did not ask for partial answers, the first error fails the call.
///
/// ```
/// use amaas_model::PredictError;
/// use amaas_model::task::Predictions;
///
/// let all: Predictions<f32> = vec![0.5, 0.25].into();
/// assert_eq!(all.len(), 2);
/// let one: Predictions<f32> = vec![Ok(0.5), Err(PredictError::invalid("expected a number"))].into();
/// assert_eq!(one.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Predictions<P>(Vec<Result<P, PredictError>>);

impl<P> Predictions<P> {
    /// The number of results.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The results in order.
    pub fn into_results(self) -> Vec<Result<P, PredictError>> {
        self.0
    }
}

impl<P: Serialize> Predictions<P> {
    /// The JSON list. A failed input is an object with `error`, if `partial`; otherwise it fails the list.
    pub(super) fn to_json(&self, partial: bool) -> Result<Box<RawValue>, PredictError> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'p, P> {
            Prediction(&'p P),
            Failed(FailedPrediction),
        }
        let mut entries = Vec::with_capacity(self.len());
        for (index, result) in self.0.iter().enumerate() {
            entries.push(match result {
                Ok(prediction) => Entry::Prediction(prediction),
                Err(error) if partial && is_of_input(error) => Entry::Failed(failed(error)),
                Err(error) => return Err(of_input(index, error.clone())),
            });
        }
        serde_json::value::to_raw_value(&entries).map_err(PredictError::internal)
    }
}

impl<P> From<Vec<P>> for Predictions<P> {
    fn from(all: Vec<P>) -> Self {
        Self(all.into_iter().map(Ok).collect())
    }
}

impl<P> From<Vec<Result<P, PredictError>>> for Predictions<P> {
    fn from(results: Vec<Result<P, PredictError>>) -> Self {
        Self(results)
    }
}

/// Whether `error` is of one input: it is the client's, and the others can be answered.
pub(super) fn is_of_input(error: &PredictError) -> bool {
    !matches!(error, PredictError::Refused) && (400..500).contains(&class(error).status)
}

/// `error` of the input `index`, as an error of the call.
pub(super) fn of_input(index: usize, error: PredictError) -> PredictError {
    let at = |what: &str| format!("inputs[{index}]: {what}");
    match error {
        PredictError::Input(InputError::Invalid(what)) => InputError::Invalid(at(&what)).into(),
        PredictError::Input(InputError::Parameter { param, message }) => {
            InputError::Parameter { param: Cow::Owned(format!("inputs[{index}].{param}")), message: at(&message) }
                .into()
        }
        PredictError::Input(InputError::Malformed(error)) => {
            InputError::Malformed(DecodeError::Json(at(&error.to_string()))).into()
        }
        PredictError::Run(amaas_engine::RunError::NotFinite(what)) => PredictError::not_finite(at(&what)),
        other => other,
    }
}

fn failed(error: &PredictError) -> FailedPrediction {
    let ErrorClass { status, slug, title, .. } = class(error);
    FailedPrediction { error: Problem::new(format!("{TYPE_PREFIX}{slug}"), title, status, error.to_string()) }
}

fn class(error: &PredictError) -> ErrorClass {
    match error {
        PredictError::Input(error) => error.classify().class,
        PredictError::Run(error) => error.classify().class,
        PredictError::Refused => InputError::Body(String::new()).classify().class,
    }
}
