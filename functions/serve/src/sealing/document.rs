//! The stored document of a key set: times and ids in the clear, every secret wrapped by the vault, and an HMAC over all of
//! it.
//!
//! Each secret is bound to its position in the document, so it cannot be unwrapped at another position or in the document of another
//! model. The HMAC's key is wrapped in the same way. So a writer of the store needs the vault's key to add or remove keys, or to
//! change when a key is offered or retires.

use std::fmt;

use amaas_ohttp::Suite;
use amaas_wire::dsse::VerifyingKey;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::SealingError;
use amaas_store::ModelName;

/// A stored key set. A document that was read is not trusted before [`verify`](Self::verify).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeySetDocument {
    format: DocumentFormat,
    pub(crate) name: ModelName,
    /// Grows with each change.
    pub(crate) serial: u64,
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) signers: Vec<StoredSigner>,
    /// The wrapped key of the tag.
    pub(crate) authenticator: Base64Bytes,
    tag: Base64Bytes,
}

/// A document of the first format. It has no tag, so a writer of the store could change its times and lists.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UntaggedDocument {
    #[allow(dead_code)] // identifies the format
    format: DocumentFormatOne,
    name: ModelName,
    pub(crate) serial: u64,
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) signers: Vec<StoredSigner>,
    #[allow(dead_code)] // it was never used
    answers: Base64Bytes,
}

/// A private key of the KEM.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredKey {
    pub(crate) id: u8,
    #[serde(with = "suite")]
    pub(crate) suite: Suite,
    pub(crate) wrapped: Base64Bytes,
    /// When clients are first offered the key, in seconds since 1970. It opens calls as soon as a function has read it.
    pub(crate) announced: u64,
    /// When the key stops opening calls, in seconds since 1970; `None` until it has a successor.
    pub(crate) retires: Option<u64>,
}

/// The key of a signer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredSigner {
    #[serde(with = "public")]
    pub(crate) public: VerifyingKey,
    pub(crate) wrapped: Base64Bytes,
    /// When the signer was added.
    pub(crate) announced: u64,
    /// When it stops signing; `None` until it has a successor.
    pub(crate) retires: Option<u64>,
}

impl KeySetDocument {
    /// A document with a tag by `authenticator`, whose wrapped form is `wrapped`.
    pub(crate) fn new(
        name: ModelName,
        serial: u64,
        keys: Vec<StoredKey>,
        signers: Vec<StoredSigner>,
        (authenticator, wrapped): (&DocumentAuthenticator, Base64Bytes),
    ) -> Self {
        let document = Self {
            format: DocumentFormat::Two,
            name,
            serial,
            keys,
            signers,
            authenticator: wrapped,
            tag: Base64Bytes(Vec::new()),
        };
        document.with_tag(authenticator)
    }

    /// The document with a tag of its current content.
    pub(crate) fn with_tag(mut self, authenticator: &DocumentAuthenticator) -> Self {
        self.tag = Base64Bytes(hmac::sign(&authenticator.0, &self.canonical()).as_ref().to_vec());
        self
    }

    /// Refuses a document that was changed without the vault's key.
    pub(crate) fn verify(&self, authenticator: &DocumentAuthenticator) -> Result<(), SealingError> {
        let verified = hmac::verify(&authenticator.0, &self.canonical(), &self.tag.0);
        verified.map_err(|_| SealingError::Altered { name: self.name.to_string() })
    }

    /// Reads the document of `name`.
    pub(crate) fn from_json(name: &ModelName, bytes: &[u8]) -> Result<Self, SealingError> {
        let document: Self = match serde_json::from_slice(bytes) {
            Ok(document) => document,
            Err(_) if UntaggedDocument::from_json(name, bytes).is_ok() => {
                return Err(SealingError::Untagged { name: name.to_string() });
            }
            Err(error) => return Err(parse_error(name, &error)),
        };
        check(name, &document.name, document.keys.len(), document.signers.len())?;
        Ok(document)
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// The canonical encoding: no two documents have the same bytes. A new field has to be added here.
    fn canonical(&self) -> Vec<u8> {
        let Self { format: DocumentFormat::Two, name, serial, keys, signers, authenticator, tag: _ } = self;
        let mut bytes = CanonicalBytes::default();
        bytes.field(b"amaas.sealing-keys/2").field(name.as_str().as_bytes()).number(*serial);
        bytes.number(keys.len() as u64);
        for StoredKey { id, suite, wrapped, announced, retires } in keys {
            bytes.field(&[*id]).field(suite::name(*suite).as_bytes()).field(&wrapped.0);
            bytes.number(*announced).optional(*retires);
        }
        bytes.number(signers.len() as u64);
        for StoredSigner { public, wrapped, announced, retires } in signers {
            bytes.field(&public.to_bytes()).field(&wrapped.0).number(*announced).optional(*retires);
        }
        bytes.field(&authenticator.0);
        bytes.0
    }
}

impl UntaggedDocument {
    /// Reads the document of `name`.
    pub(crate) fn from_json(name: &ModelName, bytes: &[u8]) -> Result<Self, SealingError> {
        let document: Self = serde_json::from_slice(bytes).map_err(|error| parse_error(name, &error))?;
        check(name, &document.name, document.keys.len(), document.signers.len())?;
        Ok(document)
    }
}

/// The position of the error only: the parser's message could quote the document.
fn parse_error(name: &ModelName, error: &serde_json::Error) -> SealingError {
    malformed(name, format!("line {}, column {}", error.line(), error.column()))
}

fn check(name: &ModelName, named: &ModelName, keys: usize, signers: usize) -> Result<(), SealingError> {
    if named != name {
        return Err(malformed(name, format!("it is the one of {:?}", named.as_str())));
    }
    if keys == 0 || signers == 0 {
        return Err(malformed(name, "expected a key and a signer at least".to_owned()));
    }
    Ok(())
}

fn malformed(name: &ModelName, cause: String) -> SealingError {
    SealingError::Malformed { name: name.to_string(), cause }
}

/// The key that creates and verifies tags; `Debug` does not show it.
pub(crate) struct DocumentAuthenticator(hmac::Key);

impl DocumentAuthenticator {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }
}

impl fmt::Debug for DocumentAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}

/// Concatenated fields, each preceded by its length.
#[derive(Default)]
struct CanonicalBytes(Vec<u8>);

impl CanonicalBytes {
    fn field(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.field(&number.to_be_bytes())
    }

    fn optional(&mut self, number: Option<u64>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.field(&[]),
        }
    }
}

/// Bytes in base64: a wrapped secret, or the tag.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Base64Bytes(pub(super) Vec<u8>);

impl TryFrom<String> for Base64Bytes {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, base64::DecodeError> {
        BASE64_STANDARD.decode(text).map(Self)
    }
}

impl From<Base64Bytes> for String {
    fn from(bytes: Base64Bytes) -> Self {
        BASE64_STANDARD.encode(bytes.0)
    }
}

impl fmt::Debug for Base64Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} bytes)", self.0.len())
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum DocumentFormat {
    #[serde(rename = "amaas.sealing-keys/2")]
    Two,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum DocumentFormatOne {
    #[serde(rename = "amaas.sealing-keys/1")]
    One,
}

/// The name of a key in the vault's encryption context.
pub(crate) fn key_name(id: u8) -> String {
    format!("sealing/{id}")
}

pub(crate) fn signer_name(public: &VerifyingKey) -> String {
    format!("sealing/signer/{}", public.id())
}

pub(crate) const AUTHENTICATOR: &str = "sealing/authenticator";

mod suite {
    use amaas_ohttp::Suite;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn name(suite: Suite) -> &'static str {
        if suite == Suite::XWing { "x-wing" } else { "x25519" }
    }

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so
    pub(crate) fn serialize<S: Serializer>(suite: &Suite, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(name(*suite))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Suite, D::Error> {
        let text = String::deserialize(from)?;
        let known = Suite::ALL.into_iter().find(|suite| name(*suite) == text);
        known.ok_or_else(|| de::Error::custom("expected \"x-wing\" or \"x25519\""))
    }
}

mod public {
    use amaas_wire::dsse::VerifyingKey;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(key: &VerifyingKey, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(key)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<VerifyingKey, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}
