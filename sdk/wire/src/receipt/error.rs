//! What can be wrong with a receipt.

use crate::dsse::DsseError;
use crate::oip::DecodeError;

/// Why a receipt is not one, is not to be trusted, or is for another call. It repeats nothing that the receipt says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The envelope is longer than any of a receipt.
    #[error("the receipt: expected at most {expected} bytes, got {got}")]
    TooLong {
        /// The most bytes that there may be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// The envelope is malformed, of another kind, or not signed by a known signer.
    #[error("the receipt: {0}")]
    Envelope(#[from] DsseError),
    /// What is in the envelope is not a receipt, or one of another format.
    #[error("what was signed is not a receipt: {0}")]
    Malformed(DecodeError),
    /// The receipt is for another model.
    #[error("the receipt is not for the model {expected:?}")]
    Model {
        /// The model that it was held against.
        expected: String,
    },
    /// The receipt is for another request.
    #[error("the receipt is for another input: its digest is not that of the request's content")]
    Input,
    /// The receipt is for another answer.
    #[error("the receipt is for another output: its digest is not that of the answer's content")]
    Output,
}
