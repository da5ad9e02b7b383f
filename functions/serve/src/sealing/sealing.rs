//! What a host opens sealed calls with.

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

/// The keys of sealed calls, which follow their key set in the store, and which calls are taken. Cheap to clone.
#[derive(Clone)]
pub struct Sealing {
    source: Arc<KeySetSource>,
    policy: SealingPolicy,
    replays: Option<Arc<ReplayGuard>>,
    clock: UnixClock,
}

/// Which calls are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealingPolicy {
    /// Plain ones.
    Off,
    /// Sealed and plain ones.
    Optional,
    /// Sealed ones; a plain call is refused, and its key has been seen by whoever stands between.
    Required,
}

/// What happens to a sealed call that comes a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayPolicy {
    /// It is taken; within two minutes of its date, where it has one.
    Allow,
    /// It is refused, and so is one without a date.
    Refuse,
}

impl Sealing {
    /// Sealing with the key set of `name` in `store`, unwrapped by `vault`. Nothing is read yet.
    pub fn new(store: Store, name: ModelName, vault: Vault, policy: SealingPolicy) -> Self {
        Self { source: Arc::new(KeySetSource::new(store, name, vault)), policy, replays: None, clock: Arc::new(now) }
    }

    /// Has `ledger` remember what all processes that share it have seen: the serial of the key set, of which no older one is taken, and,
    /// where `replay` says so, each sealed call, which is taken once. A call without a date is refused then.
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

    /// Reads the keys where they are not known yet, so that no call has to wait for them. Calls can have what failed tried
    /// again.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub async fn load(&self) -> Result<(), Arc<SealingError>> {
        self.source.keys().await.map(drop)
    }

    /// Drops every key from memory. What is needed next is read anew.
    pub fn forget(&self) {
        self.source.forget();
    }

    /// The receipt, signed by those that sign for the model's keys, which callers pin; `None` where none does any more. Whoever
    /// asks waits for nothing, unless the keys were never read or [forgotten](Self::forget).
    ///
    /// A signer that is new signs once the set was read again. Callers count on that no sooner: the old one goes on for as
    /// long as [`OVERLAP`](super::OVERLAP), and every sealed call that is opened has a set read that is older than a minute.
    ///
    /// # Errors
    /// [`Error::Sealed(SealedCallError::KeysUnavailable)`].
    pub(crate) async fn receipt(&self, receipt: &Receipt) -> Result<Option<String>, Error> {
        let keys = self.source.keys_at_hand().await.map_err(|error| unavailable(&error))?;
        let signers = keys.signers(self.now());
        Ok((!signers.is_empty()).then(|| receipt.sign(&signers)))
    }

    /// The public keys that are offered, `application/ohttp-keys`.
    pub(crate) async fn list(&self) -> Result<Bytes, Error> {
        Ok(self.keys().await?.list(self.now()).into())
    }

    /// What the signers say of that list to callers of this model and version, from now on.
    pub(crate) async fn manifest(&self, model: &str, version: &str) -> Result<Vec<u8>, Error> {
        let audience = Audience { model: model.to_owned(), version: version.to_owned() };
        Ok(self.keys().await?.manifest(audience, self.now()))
    }

    pub(crate) async fn keys(&self) -> Result<Arc<UnwrappedKeys>, Error> {
        self.source.keys().await.map_err(|error| unavailable(&error))
    }

    /// The keys for a call to the one with `id`: where that is not known, they are read again first.
    pub(crate) async fn keys_for(&self, id: u8) -> Result<Arc<UnwrappedKeys>, Error> {
        let keys = self.keys().await?;
        if keys.ring(id, self.now()).is_ok() {
            return Ok(keys);
        }
        self.source.keys_anew().await.map_err(|error| unavailable(&error))
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

/// Tells seconds since 1970.
pub(crate) type UnixClock = Arc<dyn Fn() -> u64 + Send + Sync>;
