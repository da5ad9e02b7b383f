//! Sealing of a host: its keys, its policy, and the detection of replays.

use std::fmt;
use std::sync::Arc;

use amaas_wire::keys::Audience;
use amaas_wire::receipt::Receipt;
use bytes::Bytes;

use super::SealingError;
use super::keys::UnwrappedKeys;
use super::replay::ReplayGuard;
use super::source::KeySetSource;
use crate::error::Error;
use crate::error::SealedCallError;
use amaas_access::now;
use amaas_ledger::Ledger;
use amaas_store::vault::Vault;
use amaas_store::{ModelName, Store};

/// The keys of sealed calls, which follow their key set in the store, and the policy of the host. Cheap to clone.
#[derive(Clone)]
pub struct Sealing {
    source: Arc<KeySetSource>,
    policy: SealingPolicy,
    replays: Option<Arc<ReplayGuard>>,
    clock: UnixClock,
}

/// Which calls the host accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealingPolicy {
    /// Plain calls only.
    Off,
    /// Sealed and plain calls.
    Optional,
    /// Sealed calls only. A plain call is refused, but proxies have seen its key.
    Required,
}

/// How the host treats a sealed call that arrives a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayPolicy {
    /// It is accepted, within two minutes of its date if it has one.
    Allow,
    /// It is refused, and so are calls without a date.
    Refuse,
}

impl Sealing {
    /// Sealing with the key set of `name` in `store`, unwrapped by `vault`. Nothing is read yet.
    pub fn new(store: Store, name: ModelName, vault: Vault, policy: SealingPolicy) -> Self {
        Self { source: Arc::new(KeySetSource::new(store, name, vault)), policy, replays: None, clock: Arc::new(now) }
    }

    /// Shares state with all processes of `ledger`. The ledger stores the serial of the key set, so that no older set is accepted. With
    /// [`ReplayPolicy::Refuse`] it also stores each sealed call, which is then accepted once, and calls without a date are refused.
    #[must_use]
    pub fn with_ledger(mut self, ledger: &Arc<dyn Ledger>, replay: ReplayPolicy) -> Self {
        self.source = Arc::new(self.source.with_ledger(Arc::clone(ledger)));
        match replay {
            ReplayPolicy::Allow => self,
            ReplayPolicy::Refuse => {
                let replays = ReplayGuard::new(Arc::clone(ledger), self.source.name());
                Self { replays: Some(Arc::new(replays)), ..self }
            }
        }
    }

    /// Reads the keys unless they are known, so that no call has to wait for them. After a failure, calls retry.
    ///
    /// # Errors
    /// If the keys cannot be read.
    pub async fn load(&self) -> Result<(), Arc<SealingError>> {
        self.source.keys().await.map(drop)
    }

    /// Drops all keys from memory. The next call reads them again.
    pub fn forget(&self) {
        self.source.forget();
    }

    /// Signs the receipt with the signers of the model's keys, which clients pin; `None` if all signers are retired. This does not wait,
    /// unless the keys were never read or were [forgotten](Self::forget).
    ///
    /// A new signer signs after the next read of the set. Clients do not depend on it earlier: the old signer continues for
    /// [`DEFAULT_OVERLAP`](super::DEFAULT_OVERLAP), and every sealed call refreshes a set that is older than a minute.
    ///
    /// # Errors
    /// [`SealedCallError::KeysUnavailable`] if no keys are known and they cannot be read.
    pub(crate) async fn receipt(&self, receipt: &Receipt) -> Result<Option<String>, Error> {
        let keys = self.source.stale_keys().await.map_err(|error| unavailable(&error))?;
        let signers = keys.signers(self.now());
        Ok((!signers.is_empty()).then(|| receipt.sign(&signers)))
    }

    /// The offered public keys, as `application/ohttp-keys`.
    pub(crate) async fn list(&self) -> Result<Bytes, Error> {
        Ok(self.keys().await?.list(self.now()).into())
    }

    /// The signed manifest of that list, for clients of this model and version.
    pub(crate) async fn manifest(&self, model: &str, version: &str) -> Result<Vec<u8>, Error> {
        let audience = Audience { model: model.to_owned(), version: version.to_owned() };
        Ok(self.keys().await?.manifest(audience, self.now()))
    }

    pub(crate) async fn keys(&self) -> Result<Arc<UnwrappedKeys>, Error> {
        self.source.keys().await.map_err(|error| unavailable(&error))
    }

    /// The keys for a call that is sealed to the key `id`. If it is unknown, the set is read again first.
    pub(crate) async fn keys_for(&self, id: u8) -> Result<Arc<UnwrappedKeys>, Error> {
        let keys = self.keys().await?;
        if keys.ring_for(id, self.now()).is_ok() {
            return Ok(keys);
        }
        self.source.refetch_keys().await.map_err(|error| unavailable(&error))
    }

    pub(crate) fn policy(&self) -> SealingPolicy {
        self.policy
    }

    pub(crate) fn replays(&self) -> Option<&Arc<ReplayGuard>> {
        self.replays.as_ref()
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    #[cfg(test)]
    pub(crate) fn with_clock(mut self, clock: UnixClock) -> Self {
        self.clock = clock;
        self
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("source", &self.source).field("policy", &self.policy).finish_non_exhaustive()
    }
}

fn unavailable(error: &SealingError) -> Error {
    let public = match error {
        SealingError::Missing { .. } => error.to_string(),
        _ => "the keys of sealed calls cannot be read at the moment".to_owned(),
    };
    Error::Sealed(SealedCallError::KeysUnavailable { public, internal: error.to_string() })
}

/// A clock, in seconds since 1970.
pub(crate) type UnixClock = Arc<dyn Fn() -> u64 + Send + Sync>;
