//! The signed manifest of a key list.

use std::ops::RangeInclusive;

use amaas_ohttp::key_list::KeyList;
use serde::Deserialize;
use serde_json::json;

use super::error::ManifestError;
use crate::digest::Digest;
use crate::dsse::{Envelope, SigningKey, VerifyingKey};

/// The signers' statement about a key list: model, validity and serial.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyManifest {
    /// The digest of the list.
    sha256: Digest,
    audience: Audience,
    not_before: u64,
    not_after: u64,
    serial: u64,
}

/// The model and version that keys belong to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// The model.
    pub model: String,
    /// Its version.
    pub version: String,
}

impl Audience {
    /// A model, in any version.
    ///
    /// ```
    /// use amaas_wire::keys::{ANY, Audience};
    ///
    /// assert_eq!(Audience::of_model("sentiment").version, ANY);
    /// ```
    pub fn of_model(model: impl Into<String>) -> Self {
        Self { model: model.into(), version: ANY.to_owned() }
    }

    /// The service itself, for calls without a model: [`ANY`] for both, which is no valid model name.
    pub fn service() -> Self {
        Self::of_model(ANY)
    }

    fn admits(&self, found: &Self) -> bool {
        self.model == found.model && (self.version == ANY || self.version == found.version)
    }
}

/// What a client requires of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRequirement {
    /// The model and version to call. The version [`ANY`] accepts every version, for a client that leaves the choice to the
    /// service. The model has to match exactly.
    pub audience: Audience,
    /// The time, in seconds since 1970.
    pub now: u64,
    /// The least serial that is accepted: the highest seen so far, or 0.
    pub least_serial: u64,
}

impl KeyManifest {
    /// A manifest for the bytes of a list. `valid` is in seconds since 1970; `serial` grows with each new list.
    pub fn new(list: &[u8], audience: Audience, valid: RangeInclusive<u64>, serial: u64) -> Self {
        let (not_before, not_after) = valid.into_inner();
        Self { sha256: Digest::of(list), audience, not_before, not_after, serial }
    }

    /// Signs the manifest with each of `signers`: the current one, and the next one during a rotation.
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

    /// Verifies a document, and reads the list that it covers. Neither is parsed before a signature is verified.
    ///
    /// # Errors
    /// A [`ManifestError`] that names what is wrong.
    pub fn verify(
        document: &[u8],
        list: &[u8],
        signers: &[VerifyingKey],
        required: &ManifestRequirement,
    ) -> Result<(KeyList, Self), ManifestError> {
        let envelope = Envelope::from_json(document)?;
        let payload = envelope.verify(PAYLOAD_TYPE, signers)?;
        let manifest: Self = serde_json::from_slice(payload).map_err(|_| ManifestError::Malformed)?;
        manifest.check(list, required)?;
        Ok((KeyList::decode(list)?, manifest))
    }

    /// The first second of its validity, since 1970.
    pub fn not_before(&self) -> u64 {
        self.not_before
    }

    /// The last second of its validity, since 1970.
    pub fn not_after(&self) -> u64 {
        self.not_after
    }

    /// Its serial. A client that has seen it accepts no lower one.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The model and version that keys belong to.
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    fn check(&self, list: &[u8], required: &ManifestRequirement) -> Result<(), ManifestError> {
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
        if self.sha256 != Digest::of(list) {
            return Err(ManifestError::Digest);
        }
        Ok(())
    }
}

/// As the version of a [`ManifestRequirement`], any version. As model and version of a manifest, the service itself.
pub const ANY: &str = "*";

/// The payload type of a key manifest.
pub const PAYLOAD_TYPE: &str = "application/vnd.amaas.ohttp-keys+json";
