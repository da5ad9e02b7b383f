//! Why a call failed, as far as the host of the call has to know.

use amaas_model::task::PredictError;
use amaas_model::{InputError, ModelError};

use crate::error::Error;

/// Why a call failed: the host's own refusal, or anything else.
pub(crate) enum CallError {
    /// The host refused; it has the error.
    Refused,
    /// Any other error.
    Known(Error),
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Known(error)
    }
}

impl From<InputError> for CallError {
    fn from(error: InputError) -> Self {
        Self::Known(error.into())
    }
}

impl From<ModelError> for CallError {
    fn from(error: ModelError) -> Self {
        Self::Known(error.into())
    }
}

impl From<PredictError> for CallError {
    fn from(error: PredictError) -> Self {
        match error {
            PredictError::Refused => Self::Refused,
            PredictError::Input(error) => Self::Known(error.into()),
            PredictError::Run(error) => Self::Known(error.into()),
            error => Self::Known(Error::internal(error.to_string())),
        }
    }
}
