//! The envelope.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::encoding::pre_authentication_encoding;
use super::error::DsseError;
use super::key::{SigningKey, VerifyingKey};

/// A payload, its type and its signatures. Only [`verify`](Self::verify) returns the payload.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "JsonEnvelope", description = "A payload, its type and its signatures (DSSE).")
)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<EnvelopeSignature>,
}

impl Envelope {
    /// Signs `payload` with each of `signers`.
    pub fn sign(payload_type: &str, payload: Vec<u8>, signers: &[&SigningKey]) -> Self {
        let message = pre_authentication_encoding(payload_type, &payload);
        let sign = |signer: &&SigningKey| EnvelopeSignature {
            key_id: signer.verifying_key().id(),
            signature: signer.sign(&message).to_vec(),
        };
        let signatures = signers.iter().map(sign).collect();
        Self { payload_type: payload_type.to_owned(), payload, signatures }
    }

    /// The payload, if it is of that type and signed by one of `signers`.
    ///
    /// # Errors
    /// [`DsseError::PayloadType`], [`DsseError::UnknownSigner`] or [`DsseError::Signature`].
    pub fn verify(&self, payload_type: &str, signers: &[VerifyingKey]) -> Result<&[u8], DsseError> {
        let payload = self.unverified(payload_type)?;
        let message = pre_authentication_encoding(payload_type, payload);
        let mut known = 0;
        for signature in &self.signatures {
            for signer in signers.iter().filter(|signer| signer.id() == signature.key_id) {
                signer.verify(&message, &signature.signature)?;
                known += 1;
            }
        }
        if known == 0 { Err(DsseError::UnknownSigner) } else { Ok(payload) }
    }

    /// The payload, if it has that type, without verification.
    pub(crate) fn unverified(&self, payload_type: &str) -> Result<&[u8], DsseError> {
        if self.payload_type == payload_type { Ok(&self.payload) } else { Err(DsseError::PayloadType) }
    }

    /// The envelope as JSON, on one line; `Display` writes the same.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// [`DsseError::Malformed`] or [`DsseError::Base64`].
    pub fn from_json(document: &[u8]) -> Result<Self, DsseError> {
        let json: JsonEnvelope = serde_json::from_slice(document).map_err(|_| DsseError::Malformed)?;
        let decode = |text: &str| BASE64_STANDARD.decode(text).map_err(|_| DsseError::Base64);
        let signatures = json.signatures.into_iter().map(|signature| {
            Ok(EnvelopeSignature { signature: decode(&signature.signature)?, key_id: signature.key_id })
        });
        Ok(Self {
            payload: decode(&json.payload)?,
            payload_type: json.payload_type,
            signatures: signatures.collect::<Result<_, _>>()?,
        })
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature =
            |each: &EnvelopeSignature| json!({ "keyid": each.key_id, "sig": BASE64_STANDARD.encode(&each.signature) });
        let signatures: Vec<_> = self.signatures.iter().map(signature).collect();
        let payload = BASE64_STANDARD.encode(&self.payload);
        json!({ "payload": payload, "payloadType": self.payload_type, "signatures": signatures }).fmt(f)
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signers: Vec<_> = self.signatures.iter().map(|signature| &signature.key_id).collect();
        f.debug_struct("Envelope")
            .field("payload_type", &self.payload_type)
            .field("signers", &signers)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq)]
struct EnvelopeSignature {
    key_id: String,
    signature: Vec<u8>,
}

/// The envelope in JSON.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct JsonEnvelope {
    /// The payload, in base64.
    #[cfg_attr(feature = "schema", schemars(extend("contentEncoding" = "base64")))]
    payload: String,
    /// The media type of the payload, which is signed too.
    #[serde(rename = "payloadType")]
    payload_type: String,
    /// A signature by each signer.
    signatures: Vec<JsonSignature>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields)]
struct JsonSignature {
    /// The id of the signer's key.
    #[serde(rename = "keyid")]
    key_id: String,
    /// The signature, Ed25519, in base64.
    #[cfg_attr(feature = "schema", schemars(extend("contentEncoding" = "base64")))]
    #[serde(rename = "sig")]
    signature: String,
}
