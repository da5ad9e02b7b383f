//! The predictions of a call, one for each input.

use serde::Serialize;
use serde_json::value::RawValue;

use amaas_wire::predict::FailedPrediction;
use amaas_wire::problem::{Problem, TYPE_PREFIX};
use amaas_wire::{Classify, ErrorClass};

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
pub struct Predictions<P> {
    results: Vec<Result<P, PredictError>>,
    truncated: Vec<usize>,
}

/// The predictions of a call as JSON.
#[derive(Debug)]
pub struct PredictionsJson {
    /// The list of the predictions.
    pub predictions: Box<RawValue>,
    /// The indexes of the inputs that were cut.
    pub truncated: Vec<usize>,
}

impl<P> Predictions<P> {
    /// The results of all inputs, in order.
    pub fn of_results(results: Vec<Result<P, PredictError>>) -> Self {
        Self { results, truncated: Vec::new() }
    }

    /// The number of results.
    pub fn len(&self) -> usize {
        self.results.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// The same predictions, with the indexes of the inputs that were cut. The answer says so.
    #[must_use]
    pub fn with_truncated(self, truncated: impl IntoIterator<Item = usize>) -> Self {
        Self { truncated: truncated.into_iter().collect(), ..self }
    }

    /// The results in order, and the indexes of the inputs that were cut.
    pub fn into_parts(self) -> (Vec<Result<P, PredictError>>, Vec<usize>) {
        (self.results, self.truncated)
    }
}

impl<P: Serialize> Predictions<P> {
    /// The JSON list. A failed input is an object with `error`, if `partial`; otherwise it fails the list.
    pub(super) fn to_json(&self, partial: bool) -> Result<PredictionsJson, PredictError> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'p, P> {
            Prediction(&'p P),
            Failed(FailedPrediction),
        }
        let mut entries = Vec::with_capacity(self.len());
        for (index, result) in self.results.iter().enumerate() {
            entries.push(match result {
                Ok(prediction) => Entry::Prediction(prediction),
                Err(error) if partial && is_of_input(error) => Entry::Failed(failed(error)),
                Err(error) => return Err(error.clone().in_entry(INPUTS, index)),
            });
        }
        let predictions = serde_json::value::to_raw_value(&entries).map_err(PredictError::internal)?;
        Ok(PredictionsJson { predictions, truncated: self.truncated.clone() })
    }
}

impl<P> From<Vec<P>> for Predictions<P> {
    fn from(all: Vec<P>) -> Self {
        Self::of_results(all.into_iter().map(Ok).collect())
    }
}

impl<P> From<Vec<Result<P, PredictError>>> for Predictions<P> {
    fn from(results: Vec<Result<P, PredictError>>) -> Self {
        Self::of_results(results)
    }
}

/// Whether `error` is of one input: it is the client's, and the others can be answered.
pub(super) fn is_of_input(error: &PredictError) -> bool {
    !matches!(error, PredictError::Refused) && (400..500).contains(&class(error).status)
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

/// The member of a request that holds the inputs.
pub(super) const INPUTS: &str = "inputs";
