//! Which inputs of a call were cut to the maximum length.

use amaas_model::PredictError;

/// The indexes of the inputs that `is_cut` holds for. An input that is at fault was not cut.
pub(super) fn cut_inputs<T>(inputs: &[Result<T, PredictError>], is_cut: impl Fn(&T) -> bool) -> Vec<usize> {
    let cut = |input: &Result<T, PredictError>| input.as_ref().is_ok_and(&is_cut);
    inputs.iter().enumerate().filter(|(_, input)| cut(input)).map(|(index, _)| index).collect()
}
