//! Calls in which some inputs are at fault.

use amaas_model::{InputError, PredictError};

/// The place of an input: its error, or the place of its prediction.
pub(crate) type Places = Vec<Result<(), PredictError>>;

/// The accepted inputs, and the place of every input.
pub(crate) fn split<T>(inputs: Vec<Result<T, PredictError>>) -> (Vec<T>, Places) {
    let mut accepted = Vec::with_capacity(inputs.len());
    let place = |input: Result<T, PredictError>| input.map(|input| accepted.push(input));
    let places = inputs.into_iter().map(place).collect();
    (accepted, places)
}

/// The result of every input: its error, or the next of `predictions`.
pub(crate) fn merge<P>(places: Places, predictions: Vec<Result<P, PredictError>>) -> Vec<Result<P, PredictError>> {
    let mut predictions = predictions.into_iter();
    let missing = || Err(PredictError::internal("a prediction is missing"));
    places.into_iter().map(|place| place.and_then(|()| predictions.next().unwrap_or_else(missing))).collect()
}

/// An error of the parameter `name`.
pub(crate) fn bad_parameter(name: &'static str, what: &str) -> PredictError {
    InputError::Parameter { param: format!("parameters.{name}").into(), message: format!("parameters.{name}: {what}") }
        .into()
}

/// Refuses a `top_k` of 0.
pub(crate) fn check_top_k(top_k: Option<usize>) -> Result<(), PredictError> {
    check_at_least_one("top_k", top_k)
}

/// Refuses 0 as the parameter `name`.
pub(crate) fn check_at_least_one(name: &'static str, value: Option<usize>) -> Result<(), PredictError> {
    if value == Some(0) { Err(bad_parameter(name, "expected 1 or more, got 0")) } else { Ok(()) }
}
