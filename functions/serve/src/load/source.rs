//! Where models come from, and what they are held against.

use std::sync::Arc;

use amaas_wire::dsse::VerifyingKey;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use crate::at_rest::DataKey;
use crate::config::Trust;
use crate::manifest::{ALGORITHM, Manifest};
use crate::store::Store;
use crate::vault::{Context, Vault, VaultError};

/// A store, what unwraps the keys of what is sealed in it, and whose models are taken. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Source {
    pub(crate) store: Store,
    pub(crate) vault: Option<Vault>,
    trust: Arc<Trust>,
}

impl Source {
    /// Models of `store`; without a vault only those that were published unsealed.
    pub fn new(store: Store, vault: Option<Vault>, trust: Trust) -> Self {
        Self { store, vault, trust: Arc::new(trust) }
    }

    pub(super) fn publishers(&self) -> &[VerifyingKey] {
        &self.trust.publishers
    }

    pub(super) fn least_serial(&self) -> u64 {
        self.trust.least_serial
    }

    /// Begins to unwrap the data key of a version; `None` where it lies open.
    pub(super) fn unwrap(&self, manifest: &Manifest) -> Option<Unwrapping> {
        let sealing = manifest.sealing.clone()?;
        let (vault, model) = (self.vault.clone(), manifest.model.clone());
        let unwrapping = async move {
            if sealing.algorithm != ALGORITHM {
                return Err(UnwrapError::Algorithm { got: sealing.algorithm });
            }
            let vault = vault.ok_or(UnwrapError::NoVault)?;
            let wrapped = BASE64_STANDARD.decode(&sealing.wrapped).map_err(|_| UnwrapError::Base64)?;
            let context = Context { model: model.as_str(), key: &sealing.key };
            let bytes = vault.unwrap(&wrapped, context).await?;
            DataKey::open(&bytes, &sealing.commitment).map(Arc::new).ok_or(UnwrapError::Commitment)
        };
        Some(unwrapping.boxed().shared())
    }
}

/// A data key on its way; all blobs wait for the same.
pub(super) type Unwrapping = Shared<BoxFuture<'static, Result<Arc<DataKey>, UnwrapError>>>;

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
