//! The signed manifest of a list of keys.

use std::ops::RangeInclusive;

use amaas_ohttp::key_list::KeyList;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::error::ManifestError;
use crate::dsse::{Envelope, SigningKey, VerifyingKey};

/// What signers say of a list of keys. One that comes out of [`verify`](Self::verify) is true, as far as they are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// SHA-256 of the bytes of the list, in hexadecimal.
    sha256: String,
    audience: Audience,
    not_before: u64,
    not_after: u64,
    serial: u64,
}

/// Whose keys they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// The model.
    pub model: String,
    /// Its version.
    pub version: String,
}

impl Audience {
    /// A model, in whichever version the service has.
    ///
    /// ```
    /// use amaas_wire::keys::{ANY, Audience};
    ///
    /// assert_eq!(Audience::of_model("sentiment").version, ANY);
    /// ```
    pub fn of_model(model: impl Into<String>) -> Self {
        Self { model: model.into(), version: ANY.to_owned() }
    }

    /// The service itself, for calls that name no model: [`ANY`] and [`ANY`], which no name of a model can be.
    pub fn service() -> Self {
        Self::of_model(ANY)
    }

    fn admits(&self, found: &Self) -> bool {
        self.model == found.model && (self.version == ANY || self.version == found.version)
    }
}

/// What a caller holds a manifest against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The model and version that are to be called. A version of [`ANY`] is every version, for a caller who leaves the
    /// choice to the service; a model is always held against letter by letter.
    pub audience: Audience,
    /// The time, in seconds since 1970.
    pub now: u64,
    /// The least serial: the highest that has been seen, or 0.
    pub least_serial: u64,
}

impl Manifest {
    /// A manifest of the bytes of a list. `valid` is in seconds since 1970; `serial` grows with each new list.
    pub fn new(list: &[u8], audience: Audience, valid: RangeInclusive<u64>, serial: u64) -> Self {
        let (not_before, not_after) = valid.into_inner();
        Self { sha256: digest(list), audience, not_before, not_after, serial }
    }

    /// The manifest as a document that is signed by each of `signers`: the current one, and the next while it takes over.
    pub fn sign(&self, signers: &[&SigningKey]) -> Vec<u8> {
        let payload = json!({
            "sha256": self.sha256,
            "audience": { "model": self.audience.model, "version": self.audience.version },
            "not_before": self.not_before,
            "not_after": self.not_after,
            "serial": self.serial,
        });
        Envelope::sign(PAYLOAD_TYPE, payload.to_string().into_bytes(), signers).to_json()
    }

    /// Reads a document and the list that it is for. No byte of either is believed before a signature has been found good.
    ///
    /// # Errors
    /// A [`ManifestError`] that names what is wrong.
    pub fn verify(
        document: &[u8],
        list: &[u8],
        signers: &[VerifyingKey],
        required: &Requirement,
    ) -> Result<(KeyList, Self), ManifestError> {
        let envelope = Envelope::from_json(document)?;
        let payload = envelope.verify(PAYLOAD_TYPE, signers)?;
        let manifest: Self = serde_json::from_slice(payload).map_err(|_| ManifestError::Malformed)?;
        manifest.check(list, required)?;
        Ok((KeyList::decode(list)?, manifest))
    }

    /// When it begins to hold, in seconds since 1970.
    pub fn not_before(&self) -> u64 {
        self.not_before
    }

    /// The last second in which it holds, since 1970.
    pub fn not_after(&self) -> u64 {
        self.not_after
    }

    /// Its serial: a caller who has seen it takes no lower one.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Whose keys they are.
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    fn check(&self, list: &[u8], required: &Requirement) -> Result<(), ManifestError> {
        let (now, least) = (required.now, required.least_serial);
        if !required.audience.admits(&self.audience) {
            return Err(ManifestError::Audience);
        }
        if now < self.not_before {
            return Err(ManifestError::NotYetValid { not_before: self.not_before, now });
        }
        if now > self.not_after {
            return Err(ManifestError::Expired { not_after: self.not_after, now });
        }
        if self.serial < least {
            return Err(ManifestError::Serial { found: self.serial, least });
        }
        if self.sha256 != digest(list) {
            return Err(ManifestError::Digest);
        }
        Ok(())
    }
}

/// The version of a [`Requirement`] that takes every version; as model and version of a manifest, the service itself.
pub const ANY: &str = "*";

/// The type of what is signed.
pub const PAYLOAD_TYPE: &str = "application/vnd.amaas.ohttp-keys+json";

fn digest(list: &[u8]) -> String {
    crate::hex::encode(&Sha256::digest(list))
}
