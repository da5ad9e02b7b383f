//! The places of a call's inputs: each is at fault, or gets the next prediction.

use crate::error::PredictError;

/// The place of every input of a call, in order: its error, or the place of its prediction.
#[derive(Clone, Debug)]
pub struct InputPlaces(Vec<Result<(), PredictError>>);

/// Separates the inputs that can be answered from the errors of the others.
///
/// ```
/// use amaas_model::PredictError;
/// use amaas_model::task::split_inputs;
///
/// let (accepted, places) = split_inputs(vec![Ok(2), Err(PredictError::invalid("expected a number")), Ok(3)]);
/// assert_eq!((accepted, places.in_input_order([1])), (vec![2, 3], vec![2]));
/// let results = places.merge(vec![Ok(4), Ok(9)]);
/// assert!(matches!(results.as_slice(), [Ok(4), Err(_), Ok(9)]));
/// ```
pub fn split_inputs<T>(inputs: Vec<Result<T, PredictError>>) -> (Vec<T>, InputPlaces) {
    let mut accepted = Vec::with_capacity(inputs.len());
    let place = |input: Result<T, PredictError>| input.map(|input| accepted.push(input));
    let places = InputPlaces(inputs.into_iter().map(place).collect());
    (accepted, places)
}

impl InputPlaces {
    /// The result of every input: its error, or the next of `predictions`.
    pub fn merge<P>(self, predictions: Vec<Result<P, PredictError>>) -> Vec<Result<P, PredictError>> {
        let mut predictions = predictions.into_iter();
        let missing = || Err(PredictError::internal("a prediction is missing"));
        self.0.into_iter().map(|place| place.and_then(|()| predictions.next().unwrap_or_else(missing))).collect()
    }

    /// The indexes among all inputs of the accepted inputs `accepted`.
    pub fn in_input_order(&self, accepted: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let places = self.0.iter().enumerate().filter(|(_, place)| place.is_ok());
        let indexes: Vec<usize> = places.map(|(index, _)| index).collect();
        accepted.into_iter().filter_map(|accepted| indexes.get(accepted).copied()).collect()
    }
}
