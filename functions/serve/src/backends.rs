//! The services behind a host. The function, `dev` and tests all assemble their host here.

use std::sync::Arc;

use amaas_access::Accounts;
use amaas_ledger::Ledger;
use amaas_model::load::{ModelSource, TrustPolicy};
use amaas_store::vault::Vault;
use amaas_store::{ModelName, S3Options, Store};

use crate::config::Config;
use crate::limits::Limits;
use crate::sealing::{ReplayPolicy, Sealing, SealingPolicy};
use crate::state::{AppState, AppStateBuilder};

/// The store of models, the vault that unwraps keys, and the accounts of callers.
#[derive(Clone)]
pub struct Backends {
    /// Models, and the key sets of sealed calls.
    pub store: Store,
    /// Unwraps the keys of both.
    pub vault: Vault,
    /// Tenants and API keys, in the ledger that counts usage.
    pub accounts: Accounts,
}

impl Backends {
    /// The backends that `config` names.
    ///
    /// # Errors
    /// If one of them cannot be opened; the first error is returned.
    pub async fn open(config: &Config) -> Result<Self, String> {
        let store = Store::open(&config.store, &S3Options::default()).await.map_err(|error| error.to_string())?;
        let vault = Vault::open(&config.vault).await.map_err(|error| format!("AMAAS_KMS_KEY: {error}"))?;
        let ledger = amaas_ledger::open(&config.ledger).await.map_err(|error| format!("AMAAS_LEDGER: {error}"))?;
        let accounts = Accounts::new(ledger, vault.clone());
        Ok(Self { store, vault, accounts })
    }

    /// Models that `trust` accepts. The ledger remembers the highest serials, so that no older version is accepted.
    pub fn models(&self, trust: TrustPolicy) -> ModelSource {
        ModelSource::new(self.store.clone(), Some(self.vault.clone()), trust).with_ledger(self.ledger())
    }

    /// Sealing with the key set called `name`; `None` if `policy` turns it off. Nothing is read yet.
    pub fn sealing(&self, name: ModelName, policy: SealingPolicy, replay: ReplayPolicy) -> Option<Sealing> {
        if policy == SealingPolicy::Off {
            return None;
        }
        let sealing = Sealing::new(self.store.clone(), name, self.vault.clone(), policy);
        Some(sealing.with_ledger(self.ledger(), replay))
    }

    /// A host for the callers in [`accounts`](Self::accounts).
    pub fn state(&self, limits: Limits) -> AppStateBuilder {
        AppState::builder(self.accounts.clone(), limits)
    }

    fn ledger(&self) -> &Arc<dyn Ledger> {
        self.accounts.ledger()
    }
}
