//! The document of a key set, as it lies in the store: times and ids in the clear, every secret wrapped by the vault, and
//! an HMAC over all of it.
//!
//! Each secret is wrapped for its place in the document, so one that was moved to another place, or to the document of
//! another model, does not come out. The HMAC's key is wrapped in the same way: who can write the store but not use the
//! vault's key cannot change when a key is offered or retires, nor which keys there are.

use std::fmt;

use amaas_ohttp::Suite;
use amaas_wire::dsse::VerifyingKey;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::SealingError;
use amaas_store::ModelName;

/// A key set as it is kept. What is read is not believed before [`verify`](Self::verify) was asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeySetDocument {
    format: DocumentFormat,
    pub(crate) name: ModelName,
    /// Grows with each change.
    pub(crate) serial: u64,
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) signers: Vec<StoredSigner>,
    /// The key of the tag, wrapped.
    pub(crate) authenticator: Base64Bytes,
    tag: Base64Bytes,
}

/// A document of the first format, which had no tag: anyone who could write the store could change its times and lists.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UntaggedDocument {
    #[allow(dead_code)] // told apart by it
    format: DocumentFormatOne,
    name: ModelName,
    pub(crate) serial: u64,
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) signers: Vec<StoredSigner>,
    #[allow(dead_code)] // nothing was ever sealed with it
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
    /// From when on it is offered, in seconds since 1970. It opens calls from the moment that a function has read it.
    pub(crate) announced: u64,
    /// From when on it opens nothing, in seconds since 1970; not set while no other key follows it.
    pub(crate) retires: Option<u64>,
}

/// The key of a signer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredSigner {
    #[serde(with = "public")]
    pub(crate) public: VerifyingKey,
    pub(crate) wrapped: Base64Bytes,
    /// When it came.
    pub(crate) announced: u64,
    /// From when on it signs nothing; not set while no other follows it.
    pub(crate) retires: Option<u64>,
}

impl KeySetDocument {
    /// A document with a tag of `authenticator`, which is `wrapped`.
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
        document.tagged(authenticator)
    }

    /// The document with a tag for what it says now.
    pub(crate) fn tagged(mut self, authenticator: &DocumentAuthenticator) -> Self {
        self.tag = Base64Bytes(hmac::sign(&authenticator.0, &self.canonical()).as_ref().to_vec());
        self
    }

    /// Refuses a document that was changed by anyone else than those who may use the vault's key.
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
            Err(error) => return Err(unreadable(name, &error)),
        };
        check(name, &document.name, document.keys.len(), document.signers.len())?;
        Ok(document)
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// All that the document says, as bytes: no two documents have the same. A field that is added has to be named here.
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
        let document: Self = serde_json::from_slice(bytes).map_err(|error| unreadable(name, &error))?;
        check(name, &document.name, document.keys.len(), document.signers.len())?;
        Ok(document)
    }
}

/// The words of the parser could hold what stands there, which is wrapped but nobody's business.
fn unreadable(name: &ModelName, error: &serde_json::Error) -> SealingError {
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

/// What tags are made and verified with; `Debug` does not show it.
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

/// Fields one behind the other, each with its length.
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

/// Bytes that are base64 in the document: a secret as the vault wrapped it, or the tag.
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

/// The vault's names of the secrets.
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
