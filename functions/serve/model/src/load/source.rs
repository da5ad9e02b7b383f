//! Where models come from, and what they are held against.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use amaas_wire::dsse::VerifyingKey;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use super::LoadError;
use crate::alias_pointer::{AliasPointer, PointerError};
use crate::at_rest::DataKey;
use crate::load::TrustPolicy;
use crate::manifest::{ALGORITHM, Manifest};
use amaas_ledger::{HighWaterMark, Ledger, LedgerKey};
use amaas_store::vault::{EncryptionContext, Vault, VaultError};
use amaas_store::{Alias, ModelName, Store};

/// A store, what unwraps the keys of what is sealed in it, and whose models are taken. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ModelSource {
    /// The object store.
    pub store: Store,
    /// The vault that unwraps data keys.
    pub vault: Option<Vault>,
    trust: Arc<TrustPolicy>,
    pointers: Arc<SeenPointers>,
}

/// The pointers that were seen.
#[derive(Debug, Default)]
struct SeenPointers {
    /// Keeps the highest serial of each for all processes, where there is a ledger.
    highest: Option<HighWaterMark>,
    /// The serials that this process took.
    taken: Mutex<HashMap<(ModelName, Alias), u64>>,
}

impl ModelSource {
    /// Models of `store`; without a vault only those that were published unsealed.
    pub fn new(store: Store, vault: Option<Vault>, trust: TrustPolicy) -> Self {
        Self { store, vault, trust: Arc::new(trust), pointers: Arc::default() }
    }

    /// The same, which follows no alias back to a pointer that is older than one that any process saw which has this ledger.
    #[must_use]
    pub fn with_ledger(self, ledger: &Arc<dyn Ledger>) -> Self {
        let highest = Some(HighWaterMark::new(Arc::clone(ledger)));
        Self { pointers: Arc::new(SeenPointers { highest, taken: Mutex::default() }), ..self }
    }

    /// Refuses a pointer that is older than one that was seen.
    pub(super) async fn take(&self, pointer: &AliasPointer) -> Result<(), LoadError> {
        let AliasPointer { model, alias, serial, .. } = pointer;
        let taken = || self.pointers.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (model.clone(), alias.clone());
        let mut highest = taken().get(&of).copied().unwrap_or_default();
        if let Some(ledger) = self.pointers.highest.as_ref().filter(|_| highest < *serial) {
            let place = LedgerKey::new(format!("alias/{model}"), alias.as_str());
            highest = ledger.with(&place, *serial).await?;
        }
        if highest > *serial {
            let (model, alias, serial) = (model.to_string(), alias.to_string(), *serial);
            return Err(LoadError::Alias { model, alias, cause: PointerError::Older { serial, highest } });
        }
        taken().insert(of, *serial);
        Ok(())
    }

    pub(super) fn publishers(&self) -> &[VerifyingKey] {
        &self.trust.publishers
    }

    pub(super) fn least_serial(&self) -> u64 {
        self.trust.least_serial
    }

    /// Begins to unwrap the data key of a version; `None` where it lies open.
    pub(super) fn unwrap(&self, manifest: &Manifest) -> Option<DataKeyFuture> {
        let sealing = manifest.sealing.clone()?;
        let (vault, model) = (self.vault.clone(), manifest.model.clone());
        let unwrapping = async move {
            if sealing.algorithm != ALGORITHM {
                return Err(UnwrapError::Algorithm { got: sealing.algorithm });
            }
            let vault = vault.ok_or(UnwrapError::NoVault)?;
            let wrapped = BASE64_STANDARD.decode(&sealing.wrapped).map_err(|_| UnwrapError::Base64)?;
            let context = EncryptionContext { model: model.as_str(), key: &sealing.key };
            let bytes = vault.unwrap(&wrapped, context).await?;
            DataKey::open(&bytes, &sealing.commitment).map(Arc::new).ok_or(UnwrapError::Commitment)
        };
        Some(unwrapping.boxed().shared())
    }
}

/// A data key on its way; all blobs wait for the same.
pub(super) type DataKeyFuture = Shared<BoxFuture<'static, Result<Arc<DataKey>, UnwrapError>>>;

/// Why there is no data key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum UnwrapError {
    /// The function has nothing to unwrap with.
    #[error("the model is sealed, and this function has no key to open it with: set AMAAS_KMS_KEY")]
    NoVault,
    /// The model is sealed in a way that this program does not know.
    #[error("the model is sealed with {got:?}; expected {ALGORITHM:?}")]
    Algorithm { got: String },
    /// What should be a wrapped key is none.
    #[error("the wrapped data key is not base64")]
    Base64,
    /// The vault refused or was not there.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// What was unwrapped is another key than the manifest commits to.
    #[error("the data key is not the one that the manifest commits to")]
    Commitment,
}
