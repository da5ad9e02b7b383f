//! Checks of a call's parameters.

use amaas_model::{InputError, PredictError};

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

/// Refuses numbers outside 0 to 1 as the parameter `name`.
#[cfg(feature = "vision")]
pub(crate) fn check_share(name: &'static str, value: Option<f32>) -> Result<(), PredictError> {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => Err(bad_parameter(name, "expected a number from 0 to 1")),
        _ => Ok(()),
    }
}
