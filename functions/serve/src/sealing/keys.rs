//! The unwrapped keys of sealed calls, and which of them are offered at a time.

use std::fmt;
use std::time::Duration;

use amaas_ohttp::key_list::KeyList;
use amaas_ohttp::{KeyRing, OhttpError, PrivateKey, PublicKey};
use amaas_wire::dsse::SigningKey;
use amaas_wire::keys::{Audience, KeyManifest};
use futures_util::future::try_join_all;

use super::SealingError;
use super::document::{
    AUTHENTICATOR, DocumentAuthenticator, KeySetDocument, StoredKey, StoredSigner, key_name, signer_name,
};
use amaas_store::vault::{EncryptionContext, Vault};

/// A key set in a function's memory. Its secrets are wiped when it is dropped, and `Debug` does not show them.
pub(crate) struct UnwrappedKeys {
    serial: u64,
    ring: KeyRing,
    keys: Vec<UnwrappedKey>,
    signers: Vec<ReceiptSigner>,
}

struct UnwrappedKey {
    stored: StoredKey,
    key: PrivateKey,
    public: PublicKey,
}

struct ReceiptSigner {
    stored: StoredSigner,
    key: SigningKey,
}

impl UnwrappedKeys {
    /// Unwraps all of a document and verifies it: a document that can be unwrapped only in part was altered. Keys in `known` are reused, so
    /// that a rotation does not cost a call of the vault for each key. The others are unwrapped concurrently, so that a starting function
    /// waits for one round trip to KMS.
    pub(crate) async fn unwrap(
        document: &KeySetDocument,
        vault: &Vault,
        known: Option<&Self>,
    ) -> Result<Self, SealingError> {
        let unwrap = async |wrapped: &[u8], key: &str| {
            vault.unwrap(wrapped, EncryptionContext { model: document.name.as_str(), key }).await
        };
        let malformed =
            |cause: &str| SealingError::Malformed { name: document.name.to_string(), cause: cause.to_owned() };
        let authenticator = unwrap(&document.authenticator.0, AUTHENTICATOR);
        let held = try_join_all(document.keys.iter().map(async |stored| {
            let known = known.and_then(|known| known.keys.iter().find(|held| held.stored.is_same(stored)));
            let (key, public) = if let Some(known) = known {
                (known.key.clone(), known.public.clone())
            } else {
                let bytes = unwrap(&stored.wrapped.0, &key_name(stored.id)).await?;
                let key = PrivateKey::from_bytes(&bytes)?;
                let public = key.public_key();
                (key, public)
            };
            if (key.id(), key.suite()) != (stored.id, stored.suite) {
                return Err(malformed("a key has another id or suite than the document says"));
            }
            Ok(UnwrappedKey { stored: stored.clone(), key, public })
        }));
        let signers = try_join_all(document.signers.iter().map(async |stored| {
            let bytes = unwrap(&stored.wrapped.0, &signer_name(&stored.public)).await?;
            let seed = <&[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| malformed("a signer is not 32 bytes"))?;
            let key = SigningKey::from_bytes(seed);
            if key.verifying_key() != stored.public {
                return Err(malformed("a signer has another public key than the document says"));
            }
            Ok(ReceiptSigner { stored: stored.clone(), key })
        }));
        let (authenticator, held, signers) = tokio::join!(authenticator, held, signers);
        document.verify(&DocumentAuthenticator::new(&authenticator?))?;
        let (keys, signers) = (held?, signers?);
        let ring = KeyRing::new(keys.iter().map(|held| held.key.clone()).collect())?;
        Ok(Self { serial: document.serial, ring, keys, signers })
    }

    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// The ring, if the key with `id` opens calls at `now`. No other key is ever tried.
    pub(crate) fn ring_for(&self, id: u8, now: u64) -> Result<&KeyRing, OhttpError> {
        let opens =
            |held: &UnwrappedKey| held.stored.id == id && held.stored.retires.is_none_or(|retires| retires > now);
        if self.keys.iter().any(opens) { Ok(&self.ring) } else { Err(OhttpError::UnknownKey { key_id: id }) }
    }

    /// The public keys offered at `now`, as `application/ohttp-keys`.
    pub(crate) fn list(&self, now: u64) -> Vec<u8> {
        let keys = self.offered(now).map(|held| held.public.clone());
        KeyList::new(keys).map(|list| list.encode()).unwrap_or_default()
    }

    /// The signed manifest of the list at `now`. It is valid for a day, or until its first key retires.
    pub(crate) fn manifest(&self, audience: Audience, now: u64) -> Vec<u8> {
        let retire = self.offered(now).filter_map(|held| held.stored.retires).min().unwrap_or(u64::MAX);
        // Clients' clocks differ a little.
        let valid =
            now.saturating_sub(MAX_CLOCK_SKEW.as_secs())..=now.saturating_add(MANIFEST_VALIDITY.as_secs()).min(retire);
        KeyManifest::new(&self.list(now), audience, valid, self.serial).sign(&self.signers(now))
    }

    /// The signers at `now`: one, or two during a rotation of the signer.
    pub(crate) fn signers(&self, now: u64) -> Vec<&SigningKey> {
        let signing = |signer: &&ReceiptSigner| signer.stored.retires.is_none_or(|retires| retires > now);
        self.signers.iter().filter(signing).map(|signer| &signer.key).collect()
    }

    /// The newest keys that were announced by `now`, or the oldest if this clock is behind all of them.
    fn offered(&self, now: u64) -> impl Iterator<Item = &UnwrappedKey> {
        let times = self.keys.iter().map(|held| held.stored.announced);
        let oldest = times.clone().min().unwrap_or_default();
        let newest = times.filter(|announced| *announced <= now).max().unwrap_or(oldest);
        self.keys.iter().filter(move |held| held.stored.announced == newest)
    }
}

#[cfg(test)]
impl UnwrappedKeys {
    /// All secrets.
    pub(crate) fn secrets(&self) -> Vec<Vec<u8>> {
        let keys = self.keys.iter().map(|held| held.key.to_bytes()[7..].to_vec());
        let signers = self.signers.iter().map(|signer| signer.key.to_bytes().to_vec());
        keys.chain(signers).collect()
    }

    /// Whether `other` has the same secrets under the same names.
    pub(crate) fn has_same_secrets(&self, other: &Self) -> bool {
        let keys = |of: &Self| of.keys.iter().map(|held| held.key.to_bytes().to_vec()).collect::<Vec<_>>();
        keys(self) == keys(other) && self.secrets() == other.secrets()
    }
}

impl StoredKey {
    /// Whether this is the same key, even if its times differ.
    fn is_same(&self, other: &Self) -> bool {
        (self.id, self.suite, &self.wrapped) == (other.id, other.suite, &other.wrapped)
    }
}

impl fmt::Debug for UnwrappedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().map(|held| held.stored.id).collect();
        f.debug_struct("Keys").field("serial", &self.serial).field("ids", &ids).finish_non_exhaustive()
    }
}

const MANIFEST_VALIDITY: Duration = Duration::from_hours(24);
const MAX_CLOCK_SKEW: Duration = Duration::from_mins(5);
