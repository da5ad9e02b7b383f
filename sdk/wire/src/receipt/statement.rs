//! What is signed.

use serde::{Deserialize, Serialize};

use super::{Digest, ReceiptError};
use crate::dsse::{Envelope, SigningKey};
use crate::predict::Usage;

/// What a function says of one call. Fields that are not known are passed over, so that later functions can say more; what
/// changes the meaning of these changes the [`Format`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which fields there are, and what they mean.
    pub format: Format,
    /// The id of the call, as its answer has it.
    pub request_id: String,
    /// When the call was answered, in seconds since 1970.
    pub time: u64,
    /// Whose key the call came with.
    pub tenant: String,
    /// The model that answered.
    pub model: String,
    /// Its version.
    pub version: String,
    /// The model to the last bit: SHA-256 of the payload of its signed manifest, which names every byte of it.
    pub digest: Digest,
    /// What the call is counted as.
    pub usage: Metered,
    /// SHA-256 of the request's content, without content codings and seal.
    pub input: Digest,
    /// SHA-256 of the answer's content, likewise; of a stream, up to the comment with the receipt.
    pub output: Digest,
}

/// What a call is counted as, and what it is charged for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metered {
    /// As the answer says it.
    #[serde(flatten)]
    pub usage: Usage,
    /// How many of `unit` are charged.
    pub units: u64,
    /// What is charged for, such as `tokens` or `rows`.
    pub unit: String,
}

/// The format of a [`Receipt`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Format {
    /// The one that there is.
    #[default]
    #[serde(rename = "amaas.receipt/1")]
    One,
}

impl Receipt {
    /// The receipt in an envelope that each of `signers` signs: one line of JSON that can be the value of a header, for it
    /// has visible ASCII characters only. [`SignedReceipt`](super::SignedReceipt) reads it.
    #[allow(clippy::missing_panics_doc)] // it cannot: text and numbers have a form in JSON
    pub fn sign(&self, signers: &[&SigningKey]) -> String {
        let payload = serde_json::to_vec(self).expect("text and numbers have a form in JSON");
        Envelope::sign(PAYLOAD_TYPE, payload, signers).to_string()
    }

    /// Whether it is for this content, of request and answer.
    ///
    /// # Errors
    /// [`ReceiptError::Input`] or [`ReceiptError::Output`], whichever does not fit.
    pub fn is_of(&self, input: &[u8], output: &[u8]) -> Result<(), ReceiptError> {
        self.is_of_input(input)?;
        self.is_of_output(output)
    }

    /// Whether it is for a request with this content.
    ///
    /// # Errors
    /// [`ReceiptError::Input`].
    pub fn is_of_input(&self, input: &[u8]) -> Result<(), ReceiptError> {
        if self.input == Digest::of(input) { Ok(()) } else { Err(ReceiptError::Input) }
    }

    /// Whether it is for an answer with this content.
    ///
    /// # Errors
    /// [`ReceiptError::Output`].
    pub fn is_of_output(&self, output: &[u8]) -> Result<(), ReceiptError> {
        if self.output == Digest::of(output) { Ok(()) } else { Err(ReceiptError::Output) }
    }

    /// Whether it is for an answer of the model with this name.
    ///
    /// # Errors
    /// [`ReceiptError::Model`].
    pub fn is_of_model(&self, model: &str) -> Result<(), ReceiptError> {
        if self.model == model { Ok(()) } else { Err(ReceiptError::Model { expected: model.to_owned() }) }
    }
}

/// The type of what is signed: by it a receipt never passes for another document of the same signer, nor the reverse.
pub const PAYLOAD_TYPE: &str = "application/vnd.amaas.receipt+json";
