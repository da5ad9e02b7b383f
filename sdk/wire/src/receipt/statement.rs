//! The statement that is signed.

use serde::{Deserialize, Serialize};

use super::error::ReceiptError;
use crate::digest::{self, Digest};
use crate::dsse::{Envelope, SigningKey};
use crate::predict::Usage;

/// The statement of a function about one call. Unknown fields are ignored, so that later functions can add some. A change of
/// meaning changes the [`ReceiptFormat`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Receipt {
    /// The set of fields and their meaning.
    pub format: ReceiptFormat,
    /// The request id, as in the answer.
    pub request_id: String,
    /// When the call was answered, in seconds since 1970.
    pub time: u64,
    /// The tenant that called.
    pub tenant: String,
    /// The model that answered.
    pub model: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the payload of the model's signed manifest, which covers every byte of the model.
    #[serde(with = "digest::tagged")]
    pub digest: Digest,
    /// The usage of the call.
    pub usage: MeteredUsage,
    /// SHA-256 of the request's content, without content codings and seal.
    #[serde(with = "digest::tagged")]
    pub input: Digest,
    /// SHA-256 of the answer's content, without content codings and seal; for a stream, up to the comment with the receipt.
    #[serde(with = "digest::tagged")]
    pub output: Digest,
}

/// The usage of a call, and what is charged for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct MeteredUsage {
    /// The usage, as in the answer.
    #[serde(flatten)]
    pub usage: Usage,
    /// Number of `unit` that are charged.
    pub units: u64,
    /// The unit of the charge, such as `tokens` or `rows`.
    pub unit: String,
}

/// The format of a [`Receipt`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ReceiptFormat {
    /// The only format so far.
    #[default]
    #[serde(rename = "amaas.receipt/1")]
    One,
}

impl MeteredUsage {
    /// A call that is charged by the units of `usage`, which are named `unit`.
    pub fn new(usage: Usage, unit: impl Into<String>) -> Self {
        Self { usage, units: usage.units(), unit: unit.into() }
    }
}

impl Receipt {
    /// The receipt of a call of `model`, `version` and manifest `digest`, with this input and output. Request id, time and tenant are
    /// empty.
    pub fn new(
        (model, version, digest): (&str, &str, Digest),
        usage: MeteredUsage,
        (input, output): (Digest, Digest),
    ) -> Self {
        let (model, version) = (model.to_owned(), version.to_owned());
        let (request_id, tenant) = (String::new(), String::new());
        Self { format: ReceiptFormat::One, request_id, time: 0, tenant, model, version, digest, usage, input, output }
    }

    /// The receipt in an envelope that each of `signers` signs: one line of JSON in visible ASCII characters, so that it can be the
    /// value of a header. [`SignedReceipt`](super::SignedReceipt) reads it.
    #[allow(clippy::missing_panics_doc)] // it cannot panic: text and numbers can be written as JSON
    pub fn sign(&self, signers: &[&SigningKey]) -> String {
        let payload = serde_json::to_vec(self).expect("text and numbers can be written as JSON");
        Envelope::sign(PAYLOAD_TYPE, payload, signers).to_string()
    }

    /// Checks that the receipt is for this content of request and answer.
    ///
    /// # Errors
    /// [`ReceiptError::Input`] or [`ReceiptError::Output`].
    pub fn is_of(&self, input: &[u8], output: &[u8]) -> Result<(), ReceiptError> {
        self.is_of_input(input)?;
        self.is_of_output(output)
    }

    /// Checks that the receipt is for a request with this content.
    ///
    /// # Errors
    /// [`ReceiptError::Input`].
    pub fn is_of_input(&self, input: &[u8]) -> Result<(), ReceiptError> {
        if self.input == Digest::of(input) { Ok(()) } else { Err(ReceiptError::Input) }
    }

    /// Checks that the receipt is for an answer with this content.
    ///
    /// # Errors
    /// [`ReceiptError::Output`].
    pub fn is_of_output(&self, output: &[u8]) -> Result<(), ReceiptError> {
        if self.output == Digest::of(output) { Ok(()) } else { Err(ReceiptError::Output) }
    }

    /// Checks that the receipt is for an answer of the model with this name.
    ///
    /// # Errors
    /// [`ReceiptError::Model`].
    pub fn is_of_model(&self, model: &str) -> Result<(), ReceiptError> {
        if self.model == model { Ok(()) } else { Err(ReceiptError::Model { expected: model.to_owned() }) }
    }
}

/// The payload type of a receipt, which separates it from other documents of the same signer.
pub const PAYLOAD_TYPE: &str = "application/vnd.amaas.receipt+json";
