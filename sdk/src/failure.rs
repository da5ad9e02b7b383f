//! The failure of one attempt.

use crate::error::Error;
use crate::retry::FailureCause;
use crate::transport::TransportError;

/// An attempt that failed: the error, and its cause for the retry policy.
#[derive(Debug)]
pub(crate) struct AttemptFailure {
    pub(crate) cause: FailureCause,
    pub(crate) error: Error,
}

impl AttemptFailure {
    pub(crate) fn permanent(error: Error) -> Self {
        Self { cause: FailureCause::Permanent, error }
    }
}

impl From<TransportError> for AttemptFailure {
    fn from(error: TransportError) -> Self {
        let cause = match error {
            TransportError::NotSent(_) => FailureCause::NotSent,
            TransportError::Lost(_) => FailureCause::Lost,
            TransportError::TooLarge { .. } | TransportError::Untrusted(_) => FailureCause::Permanent,
            #[cfg(feature = "sigv4")]
            TransportError::Unsigned(_) => FailureCause::Permanent,
        };
        Self { cause, error: error.into() }
    }
}
