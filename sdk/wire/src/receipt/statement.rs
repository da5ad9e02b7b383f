//! What is signed.

use serde::{Deserialize, Serialize};

use super::{Digest, ReceiptError};
use crate::dsse::{Envelope, SigningKey};
use crate::predict::Usage;

/// What a function says of one call. Fields that are not known are passed over, so that later functions can say more; what
/// changes the meaning of these changes the [`Format`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
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
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
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

impl Metered {
    /// A call that is charged by the units of `usage`, of the name `unit`.
    pub fn new(usage: Usage, unit: impl Into<String>) -> Self {
        Self { usage, units: usage.units(), unit: unit.into() }
    }
}

impl Receipt {
    /// The receipt of a call of version `version` of `model`, whose digest is `digest`, with this input and output. Request, time and
    /// tenant are not said yet.
    pub fn new(
        (model, version, digest): (&str, &str, Digest),
        usage: Metered,
        (input, output): (Digest, Digest),
    ) -> Self {
        let (model, version) = (model.to_owned(), version.to_owned());
        let (request_id, tenant) = (String::new(), String::new());
        Self { format: Format::One, request_id, time: 0, tenant, model, version, digest, usage, input, output }
    }

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
