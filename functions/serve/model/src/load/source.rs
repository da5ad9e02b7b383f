//! The source of models: the store, the vault and the trust policy.

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

/// A store, the vault that unwraps data keys, and the trust policy. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ModelSource {
    /// The object store.
    pub store: Store,
    /// The vault that unwraps data keys.
    pub vault: Option<Vault>,
    trust: Arc<TrustPolicy>,
    pointers: Arc<SeenPointers>,
}

/// The serials of the alias pointers that were seen.
#[derive(Debug, Default)]
struct SeenPointers {
    /// The highest serial of each alias across all processes, if there is a ledger.
    highest: Option<HighWaterMark>,
    /// The highest serial of each alias that this process accepted.
    taken: Mutex<HashMap<(ModelName, Alias), u64>>,
}

impl ModelSource {
    /// Models of `store`; without a vault, only unsealed ones.
    pub fn new(store: Store, vault: Option<Vault>, trust: TrustPolicy) -> Self {
        Self { store, vault, trust: Arc::new(trust), pointers: Arc::default() }
    }

    /// The same, with rollback protection for aliases across all processes of `ledger`.
    #[must_use]
    pub fn with_ledger(self, ledger: &Arc<dyn Ledger>) -> Self {
        let highest = Some(HighWaterMark::new(Arc::clone(ledger)));
        Self { pointers: Arc::new(SeenPointers { highest, taken: Mutex::default() }), ..self }
    }

    /// Accepts a pointer, unless a newer one of the same alias was seen.
    pub(super) async fn accept_pointer(&self, pointer: &AliasPointer) -> Result<(), LoadError> {
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

    /// Unwraps the data key of a version; `None` if the version is not sealed.
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

/// A data key that is being unwrapped; all blobs share it.
pub(super) type DataKeyFuture = Shared<BoxFuture<'static, Result<Arc<DataKey>, UnwrapError>>>;

/// Errors of unwrapping a data key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum UnwrapError {
    /// The function has no vault.
    #[error("the model is sealed, and this function has no key to open it with: set AMAAS_KMS_KEY")]
    NoVault,
    /// The model is sealed with an unknown algorithm.
    #[error("the model is sealed with {got:?}; expected {ALGORITHM:?}")]
    Algorithm { got: String },
    /// The wrapped key is not valid base64.
    #[error("the wrapped data key is not base64")]
    Base64,
    /// The vault refused or could not be reached.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The unwrapped key does not match the commitment in the manifest.
    #[error("the data key is not the one that the manifest commits to")]
    Commitment,
}
