//! Why a prompt is refused before it is queued.

use amaas_wire::classify;

use crate::cpu::WorkError;

/// Why a prompt is refused before it is queued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum PromptError {
    /// A member of the request is out of bounds.
    #[error("{message}")]
    Parameter { param: &'static str, message: String },
    /// The service is at fault, or the caller is gone.
    #[error("internal error")]
    Internal { internal: String },
}

classify! { PromptError {
    Self::Parameter { param, .. } => 400, "invalid-input", "invalid input", param = param;
    Self::Internal { internal } => 500, "internal", "internal error", log = internal;
} }

impl From<WorkError> for PromptError {
    fn from(error: WorkError) -> Self {
        Self::Internal { internal: error.to_string() }
    }
}
