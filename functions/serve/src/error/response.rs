//! A response that cannot be sent.

use amaas_wire::classify;

/// Why a response is not sent.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum ResponseError {
    /// The response cannot be written as JSON.
    #[error("{0}")]
    Unwritable(String),
    /// The response is larger than the host can carry, or than `AMAAS_MAX_ANSWER_BYTES`.
    #[error("the answer has {got} bytes, more than the {limit} that one may have here; send fewer rows a call")]
    TooLarge { limit: u64, got: u64 },
    /// A fault of the service.
    #[error("internal error")]
    Internal { internal: String },
}

classify! { ResponseError {
    Self::Unwritable(_) => 422, "unwritable-answer", "answer cannot be written";
    Self::TooLarge { .. } => 422, "answer-too-large", "answer too large";
    Self::Internal { internal } => 500, "internal", "internal error", log = internal;
} }
