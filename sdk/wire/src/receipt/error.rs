//! Why a receipt is refused.

use crate::decode::DecodeError;
use crate::dsse::DsseError;

/// Why a receipt is refused: malformed, not trusted, or for another call. The text repeats nothing of the receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The envelope is longer than a receipt can be.
    #[error("the receipt: expected at most {expected} bytes, got {got}")]
    TooLong {
        /// The most bytes that are accepted.
        expected: usize,
        /// The bytes that arrived.
        got: usize,
    },
    /// The envelope is malformed, of another kind, or not signed by a known signer.
    #[error("the receipt: {0}")]
    Envelope(#[from] DsseError),
    /// The envelope holds no receipt, or one of another format.
    #[error("the signed document is not a receipt: {0}")]
    Malformed(DecodeError),
    /// The receipt is for another model.
    #[error("the receipt is not for the model {expected:?}")]
    Model {
        /// The model that was called.
        expected: String,
    },
    /// The receipt is for another request.
    #[error("the receipt is for another input: its digest is not that of the request's content")]
    Input,
    /// The receipt is for another answer.
    #[error("the receipt is for another output: its digest is not that of the answer's content")]
    Output,
}
