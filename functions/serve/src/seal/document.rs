//! The document of a key set, as it lies in the store: times and ids in the clear, every secret wrapped by the vault.
//!
//! Each secret is wrapped for its place in the document, so one that was moved to another place, or to the document of
//! another model, does not come out.

use std::fmt;

use amaas_wire::dsse::VerifyingKey;
use amaas_wire::ohttp::Suite;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::SealingError;
use crate::store::ModelName;

/// A key set as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    format: Format,
    pub(super) name: ModelName,
    /// Grows with each change.
    pub(super) serial: u64,
    pub(super) keys: Vec<StoredKey>,
    pub(super) signers: Vec<StoredSigner>,
    /// Nothing is sealed with it any more; a rotation tells by it whether its vault is the set's.
    pub(super) answers: Wrapped,
}

/// A private key of the KEM.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredKey {
    pub(super) id: u8,
    #[serde(with = "suite")]
    pub(super) suite: Suite,
    pub(super) wrapped: Wrapped,
    /// From when on it is offered, in seconds since 1970. It opens calls from the moment that a function has read it.
    pub(super) announced: u64,
    /// From when on it opens nothing, in seconds since 1970; not set while no other key follows it.
    pub(super) retires: Option<u64>,
}

/// The key of a signer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredSigner {
    #[serde(with = "public")]
    pub(super) public: VerifyingKey,
    pub(super) wrapped: Wrapped,
    /// When it came.
    pub(super) announced: u64,
    /// From when on it signs nothing; not set while no other follows it.
    pub(super) retires: Option<u64>,
}

impl Document {
    pub(super) fn new(
        name: ModelName,
        serial: u64,
        keys: Vec<StoredKey>,
        signers: Vec<StoredSigner>,
        answers: Wrapped,
    ) -> Self {
        Self { format: Format::One, name, serial, keys, signers, answers }
    }

    /// Reads the document of `name`.
    pub(super) fn from_json(name: &ModelName, bytes: &[u8]) -> Result<Self, SealingError> {
        let malformed = |cause: String| SealingError::Malformed { name: name.to_string(), cause };
        // The words of the parser could hold what stands there, which is wrapped but nobody's business.
        let document: Self = serde_json::from_slice(bytes)
            .map_err(|error| malformed(format!("line {}, column {}", error.line(), error.column())))?;
        if document.name != *name {
            return Err(malformed(format!("it is the one of {:?}", document.name.as_str())));
        }
        if document.keys.is_empty() || document.signers.is_empty() {
            return Err(malformed("expected a key and a signer at least".to_owned()));
        }
        Ok(document)
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

/// What the vault made of a secret; base64 in the document.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Wrapped(pub(super) Vec<u8>);

impl TryFrom<String> for Wrapped {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, base64::DecodeError> {
        BASE64_STANDARD.decode(text).map(Self)
    }
}

impl From<Wrapped> for String {
    fn from(wrapped: Wrapped) -> Self {
        BASE64_STANDARD.encode(wrapped.0)
    }
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wrapped({} bytes)", self.0.len())
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "amaas.sealing-keys/1")]
    One,
}

/// The vault's names of the secrets.
pub(super) fn key_name(id: u8) -> String {
    format!("sealing/{id}")
}

pub(super) fn signer_name(public: &VerifyingKey) -> String {
    format!("sealing/signer/{}", public.id())
}

pub(super) const ANSWERS: &str = "sealing/answers";

mod suite {
    use amaas_wire::ohttp::Suite;
    use serde::{Deserialize, Deserializer, Serializer, de};

    fn name(suite: Suite) -> &'static str {
        if suite == Suite::XWing { "x-wing" } else { "x25519" }
    }

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so
    pub(super) fn serialize<S: Serializer>(suite: &Suite, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(name(*suite))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Suite, D::Error> {
        let text = String::deserialize(from)?;
        let known = Suite::ALL.into_iter().find(|suite| name(*suite) == text);
        known.ok_or_else(|| de::Error::custom("expected \"x-wing\" or \"x25519\""))
    }
}

mod public {
    use amaas_wire::dsse::VerifyingKey;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(key: &VerifyingKey, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(key)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<VerifyingKey, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}
