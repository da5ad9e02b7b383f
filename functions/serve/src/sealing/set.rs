//! The key set of a model in its store: created once, rotated by the operator.
//!
//! A rotation publishes new keys first: functions open calls to a new key as soon as they have read it. They offer it to clients a minute
//! later, when all active functions have read it. Then the old keys are no longer offered, and open calls until all manifests that name
//! them have expired. The next rotation removes retired keys.

use std::time::Duration;

use amaas_ohttp::{PrivateKey, Suite};
use amaas_wire::dsse::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::SealingError;
use super::document::{
    AUTHENTICATOR, Base64Bytes, DocumentAuthenticator, KeySetDocument, StoredKey, StoredSigner, UntaggedDocument,
    key_name, signer_name,
};
use super::keys::UnwrappedKeys;
use amaas_access::now;
use amaas_store::vault::{EncryptionContext, Vault};
use amaas_store::{ModelName, Store, StoreError, WriteCondition, sealing_key};

/// The wrapped keys of sealed calls to one model. A set that was [read](Self::read) or created is authentic: only a holder of the vault's key
/// can write it.
#[derive(Clone, Debug)]
pub struct KeySet(KeySetDocument);

impl KeySet {
    /// Reads the set of `name`, whose secrets `vault` wraps.
    ///
    /// # Errors
    /// [`SealingError::Missing`] if there is none, [`SealingError::Altered`] if it was changed without the vault's key, or if it cannot be
    /// read.
    pub async fn read(store: &Store, name: &ModelName, vault: &Vault) -> Result<Self, SealingError> {
        let (set, _) = Self::read_with_tag(store, name).await?;
        verify(&set.0, vault).await?;
        Ok(set)
    }

    /// Parses the document of the set of `name`. It is verified later, when it is unwrapped.
    pub(crate) fn from_json(name: &ModelName, bytes: &[u8]) -> Result<Self, SealingError> {
        KeySetDocument::from_json(name, bytes).map(Self)
    }

    /// The set of `name`: the existing one, or a new one with a key for each suite and a signer.
    ///
    /// # Errors
    /// If the store or the vault fails or refuses.
    pub async fn create(store: &Store, name: &ModelName, vault: &Vault) -> Result<Self, SealingError> {
        match Self::read(store, name, vault).await {
            Err(SealingError::Missing { .. }) => {}
            result => return result,
        }
        let set = Self::new(name, vault, now()).await?;
        match store.write(&sealing_key(name), set.0.to_json().into(), WriteCondition::Absent).await {
            Ok(()) => Ok(set),
            // Another writer was faster, or the store's client repeated the write.
            Err(StoreError::Conflict { .. }) => Self::read(store, name, vault).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Adds new keys to the set of `name`, which are offered in a minute. The old keys open calls for `overlap` longer. Creates the set if
    /// there is none.
    ///
    /// # Errors
    /// If the store or the vault fails or refuses, such as when the set was wrapped with another key.
    pub async fn rotate(
        store: &Store,
        name: &ModelName,
        vault: &Vault,
        overlap: Duration,
    ) -> Result<Self, SealingError> {
        Self::change(store, name, vault, async |set| set.rotated(vault, now(), overlap).await).await
    }

    /// Adds a signer to the set of `name`. Both signers sign during `overlap`, so that clients can pin the new public key in time; then the
    /// old one retires.
    ///
    /// # Errors
    /// [`SealingError::SignerPending`] during the overlap of an earlier rotation, or if the store or the vault fails or refuses.
    pub async fn rotate_signer(
        store: &Store,
        name: &ModelName,
        vault: &Vault,
        overlap: Duration,
    ) -> Result<Self, SealingError> {
        Self::change(store, name, vault, async |set| set.with_next_signer(vault, now(), overlap).await).await
    }

    /// Authenticates a set of the first format, whose times and lists had no tag. Its keys and signers stay the same, so the operator has
    /// to compare the signers with those that clients pin. An authenticated set is not changed.
    ///
    /// # Errors
    /// If the store or the vault fails or refuses, such as when a secret was wrapped with another key.
    pub async fn adopt(store: &Store, name: &ModelName, vault: &Vault) -> Result<Self, SealingError> {
        let object = match store.read(&sealing_key(name)).await {
            Err(error) if error.is_not_found() => return Err(SealingError::Missing { name: name.to_string() }),
            object => object?,
        };
        let Ok(UntaggedDocument { serial, keys, signers, .. }) = UntaggedDocument::from_json(name, &object.bytes)
        else {
            return Self::read(store, name, vault).await;
        };
        let (authenticator, wrapped) = new_authenticator(name, vault).await?;
        let serial = now().max(serial.saturating_add(1));
        let set = Self(KeySetDocument::new(name.clone(), serial, keys, signers, (&authenticator, wrapped)));
        set.unwrap(vault, None).await?;
        match store.write(&sealing_key(name), set.0.to_json().into(), WriteCondition::Unchanged(object.tag)).await {
            Ok(()) => Ok(set),
            // Another writer was faster, or the store's client repeated the write.
            Err(StoreError::Conflict { .. }) => Self::read(store, name, vault).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The public keys of the signers, which clients pin, the oldest first.
    pub fn signers(&self) -> Vec<VerifyingKey> {
        let now = now();
        let signing = self.0.signers.iter().filter(|signer| signer.retires.is_none_or(|retires| retires > now));
        signing.map(|signer| signer.public).collect()
    }

    /// Grows with each change.
    pub fn serial(&self) -> u64 {
        self.0.serial
    }

    /// When the newest keys are first offered, in seconds since 1970.
    pub fn announced(&self) -> u64 {
        self.0.keys.iter().map(|key| key.announced).max().unwrap_or_default()
    }

    #[cfg(test)]
    pub(crate) fn document(&self) -> &KeySetDocument {
        &self.0
    }

    #[cfg(test)]
    pub(crate) async fn edited(&self, vault: &Vault, change: impl FnOnce(&mut KeySetDocument)) -> Self {
        let mut next = self.0.clone();
        let authenticator = verify(&next, vault).await.expect("verified");
        change(&mut next);
        Self(next.with_tag(&authenticator))
    }

    async fn read_with_tag(store: &Store, name: &ModelName) -> Result<(Self, String), SealingError> {
        match store.read(&sealing_key(name)).await {
            Ok(object) => Ok((Self::from_json(name, &object.bytes)?, object.tag)),
            Err(error) if error.is_not_found() => Err(SealingError::Missing { name: name.to_string() }),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes the set with optimistic concurrency: starts again if another writer changed it meanwhile.
    async fn change(
        store: &Store,
        name: &ModelName,
        vault: &Vault,
        change: impl AsyncFn(&Self) -> Result<Self, SealingError>,
    ) -> Result<Self, SealingError> {
        let mut written = None;
        for _ in 0..MAX_ATTEMPTS {
            let (set, tag) = match Self::read_with_tag(store, name).await {
                Err(SealingError::Missing { .. }) => return Self::create(store, name, vault).await,
                result => result?,
            };
            let json = set.0.to_json();
            // The store's client repeats a write that got no response, so the conflicting change may be our own.
            if written.as_ref() == Some(&json) {
                return Ok(set);
            }
            let changed = change(&set).await?;
            let json = changed.0.to_json();
            match store.write(&sealing_key(name), json.clone().into(), WriteCondition::Unchanged(tag)).await {
                Err(StoreError::Conflict { .. }) => written = Some(json),
                result => return result.map(|()| changed).map_err(SealingError::from),
            }
        }
        Err(StoreError::Conflict { store: store.to_string(), key: sealing_key(name) }.into())
    }

    pub(crate) async fn new(name: &ModelName, vault: &Vault, now: u64) -> Result<Self, SealingError> {
        let mut keys = Vec::new();
        for (suite, id) in Suite::ALL.into_iter().zip(1..) {
            keys.push(new_key(name, vault, id, suite, now).await?);
        }
        let signer = new_signer(name, vault, now).await?;
        let (authenticator, wrapped) = new_authenticator(name, vault).await?;
        Ok(Self(KeySetDocument::new(name.clone(), now, keys, vec![signer], (&authenticator, wrapped))))
    }

    pub(crate) async fn rotated(&self, vault: &Vault, now: u64, overlap: Duration) -> Result<Self, SealingError> {
        let mut next = self.0.clone();
        let authenticator = verify(&next, vault).await?;
        let announced = (now + ANNOUNCEMENT_LEAD.as_secs()).max(self.announced() + 1);
        next.keys.retain(|key| key.retires.is_none_or(|retires| retires > now));
        for key in &mut next.keys {
            key.retires.get_or_insert(announced.saturating_add(overlap.as_secs()));
        }
        let last = self.0.keys.last().map_or(0, |key| key.id);
        for suite in Suite::ALL {
            let used = |id: &u8| next.keys.iter().any(|key| key.id == *id);
            // Ids are assigned in a circle, so that an id is reused as late as possible.
            let id = (1..=u8::MAX).map(|step| last.wrapping_add(step)).find(|id| !used(id));
            next.keys.push(new_key(&next.name, vault, id.ok_or(SealingError::NoId)?, suite, announced).await?);
        }
        next.serial = now.max(next.serial + 1);
        Ok(Self(next.with_tag(&authenticator)))
    }

    pub(crate) async fn with_next_signer(
        &self,
        vault: &Vault,
        now: u64,
        overlap: Duration,
    ) -> Result<Self, SealingError> {
        let mut next = self.0.clone();
        let authenticator = verify(&next, vault).await?;
        next.signers.retain(|signer| signer.retires.is_none_or(|retires| retires > now));
        if let Some(until) = next.signers.iter().find_map(|signer| signer.retires) {
            return Err(SealingError::SignerPending { until });
        }
        for signer in &mut next.signers {
            signer.retires = Some(now.saturating_add(overlap.as_secs()));
        }
        next.signers.push(new_signer(&next.name, vault, now).await?);
        next.serial = now.max(next.serial + 1);
        Ok(Self(next.with_tag(&authenticator)))
    }

    /// Unwraps the keys, except those in `known`.
    pub(crate) async fn unwrap(
        &self,
        vault: &Vault,
        known: Option<&UnwrappedKeys>,
    ) -> Result<UnwrappedKeys, SealingError> {
        UnwrappedKeys::unwrap(&self.0, vault, known).await
    }
}

/// Refuses a document that was altered or is of another vault, since a set of two vaults could be opened with neither. Returns the
/// authenticator for the next document.
async fn verify(document: &KeySetDocument, vault: &Vault) -> Result<DocumentAuthenticator, SealingError> {
    let context = EncryptionContext { model: document.name.as_str(), key: AUTHENTICATOR };
    let authenticator = DocumentAuthenticator::new(&vault.unwrap(&document.authenticator.0, context).await?);
    document.verify(&authenticator)?;
    Ok(authenticator)
}

async fn new_authenticator(
    name: &ModelName,
    vault: &Vault,
) -> Result<(DocumentAuthenticator, Base64Bytes), SealingError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|_| SealingError::Random)?;
    let wrapped = wrap(name, vault, secret.as_slice(), AUTHENTICATOR).await?;
    Ok((DocumentAuthenticator::new(secret.as_slice()), wrapped))
}

async fn new_key(
    name: &ModelName,
    vault: &Vault,
    id: u8,
    suite: Suite,
    announced: u64,
) -> Result<StoredKey, SealingError> {
    let secret = PrivateKey::generate(id, suite)?.to_bytes();
    let wrapped = wrap(name, vault, &secret, &key_name(id)).await?;
    Ok(StoredKey { id, suite, wrapped, announced, retires: None })
}

async fn new_signer(name: &ModelName, vault: &Vault, announced: u64) -> Result<StoredSigner, SealingError> {
    let key = SigningKey::generate()?;
    let public = key.verifying_key();
    let wrapped = wrap(name, vault, key.to_bytes().as_slice(), &signer_name(&public)).await?;
    Ok(StoredSigner { public, wrapped, announced, retires: None })
}

async fn wrap(name: &ModelName, vault: &Vault, secret: &[u8], key: &str) -> Result<Base64Bytes, SealingError> {
    Ok(Base64Bytes(vault.wrap(secret, EncryptionContext { model: name.as_str(), key }).await?))
}

/// The default time for which old keys open calls after the new ones are offered: twice the validity of a manifest.
pub const DEFAULT_OVERLAP: Duration = Duration::from_hours(48);
/// New keys are in the store for so long before they are offered: as long as functions use a set without another read.
const ANNOUNCEMENT_LEAD: Duration = Duration::from_mins(1);
/// How often a change is tried if other writers are faster.
const MAX_ATTEMPTS: u32 = 5;
