//! The pointer that an alias stores: a version and a serial, signed by a publisher. The serial grows with each move of the alias.
//!
//! An attacker with write access to the store, but without a signing key, can neither point an alias to another version nor
//! replay an earlier pointer: functions reject a serial below the highest that any of them has seen. A rollback signs a new
//! pointer to an older version.

#[cfg(any(test, feature = "publish"))]
use amaas_wire::dsse::SigningKey;
use amaas_wire::dsse::{DsseError, Envelope, VerifyingKey};
use serde::{Deserialize, Serialize};

use amaas_store::{Alias, ModelName, Version};

/// A pointer, to be signed or with a verified signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AliasPointer {
    pub model: ModelName,
    pub alias: Alias,
    pub version: Version,
    pub serial: u64,
}

impl AliasPointer {
    /// Signs the pointer, and returns the document to store.
    #[cfg(any(test, feature = "publish"))]
    pub(crate) fn sign(&self, signer: &SigningKey) -> Vec<u8> {
        // Names and a number always have a JSON form.
        let payload = serde_json::to_vec(self).unwrap_or_default();
        Envelope::sign(PAYLOAD_TYPE, payload, &[signer]).to_json()
    }

    /// Verifies the pointer of `alias` of `model`: that one of `publishers` signed it for this alias.
    ///
    /// # Errors
    /// [`PointerError`] says why the pointer is rejected.
    pub(crate) fn verify(
        document: &[u8],
        (model, alias): (&ModelName, &Alias),
        publishers: &[VerifyingKey],
    ) -> Result<Self, PointerError> {
        let envelope = Envelope::from_json(document).map_err(|_| PointerError::Unsigned)?;
        let payload = envelope.verify(PAYLOAD_TYPE, publishers).map_err(|error| match error {
            DsseError::UnknownSigner => PointerError::Signer,
            DsseError::PayloadType => PointerError::Unsigned,
            _ => PointerError::Signature,
        })?;
        let pointer: Self = serde_json::from_slice(payload).map_err(|_| PointerError::Malformed)?;
        if (&pointer.model, &pointer.alias) != (model, alias) {
            let (model, alias) = (pointer.model.to_string(), pointer.alias.to_string());
            return Err(PointerError::Misplaced { model, alias });
        }
        Ok(pointer)
    }
}

/// Why a pointer is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum PointerError {
    /// It has no signature; earlier versions of amaas wrote plain text.
    #[error("it is not signed; `amaas alias MODEL ALIAS VERSION` signs it")]
    Unsigned,
    /// The publisher that signed it is not trusted.
    #[error("it is not signed by a publisher that this function trusts (AMAAS_PUBLISHERS)")]
    Signer,
    /// The signature does not match: the pointer was altered.
    #[error("its signature does not match: it was altered")]
    Signature,
    /// The signed payload is not a pointer.
    #[error("the signed payload is not an alias pointer")]
    Malformed,
    /// It belongs to another alias.
    #[error("it belongs to alias {alias} of model {model}")]
    Misplaced { model: String, alias: String },
    /// It is older than one that was seen: a replay.
    #[error("it has the serial {serial}, but {highest} was seen: an older pointer was restored in the store")]
    Older { serial: u64, highest: u64 },
}

const PAYLOAD_TYPE: &str = "application/vnd.amaas.alias+json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_taken_from_a_publisher_for_its_place() {
        let (signer, stranger) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let name = |text: &str| text.parse::<ModelName>().expect("a name");
        let alias = |text: &str| text.parse::<Alias>().expect("an alias");
        let (model, live) = (name("m"), alias("live"));
        let pointer =
            AliasPointer { model: model.clone(), alias: live.clone(), version: "2".parse().expect("ok"), serial: 7 };
        let document = pointer.sign(&signer);
        let verify = |document: &[u8], model: &ModelName, alias: &Alias, signer: &SigningKey| {
            AliasPointer::verify(document, (model, alias), &[signer.verifying_key()])
        };
        assert_eq!(verify(&document, &model, &live, &signer).as_ref(), Ok(&pointer));
        assert_eq!(verify(&document, &model, &live, &stranger), Err(PointerError::Signer));
        let misplaced = Err(PointerError::Misplaced { model: "m".to_owned(), alias: "live".to_owned() });
        assert_eq!(verify(&document, &name("n"), &live, &signer), misplaced);
        assert_eq!(verify(&document, &model, &alias("next"), &signer), misplaced);
        for bare in [&b"2"[..], b"", b"{}", b"2\n"] {
            assert_eq!(verify(bare, &model, &live, &signer), Err(PointerError::Unsigned));
        }
        // The signature of another payload type is not that of a pointer.
        let other = Envelope::sign("application/vnd.amaas.other", b"{}".to_vec(), &[&signer]).to_json();
        assert_eq!(verify(&other, &model, &live, &signer), Err(PointerError::Unsigned));
        for index in 0..document.len() {
            let mut flipped = document.clone();
            flipped[index] ^= 1;
            if let Ok(other) = verify(&flipped, &model, &live, &signer) {
                assert_eq!(other, pointer, "a flip at {index}");
            }
        }
    }
}
