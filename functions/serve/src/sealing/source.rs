//! The key set of sealed calls, cached with stale-while-revalidate and stale-if-error (RFC 5861).
//!
//! Invariants: known keys stay known until a newer set was read; a snapshot of the process contains no keys.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::keys::UnwrappedKeys;
use super::{KeySet, SealingError};
use amaas_access::{FetchTimeout, OnMiss, RefreshPolicy, Refreshing};
use amaas_ledger::{HighWaterMark, Ledger, LedgerKey};
use amaas_store::vault::Vault;
use amaas_store::{ModelName, Store, sealing_key};

/// A key set that is read again as it ages.
pub(crate) struct KeySetSource {
    reader: Arc<KeySetReader>,
    cached: Refreshing<CachedKeys, SealingError>,
}

#[derive(Clone)]
struct CachedKeys {
    keys: Arc<UnwrappedKeys>,
    /// The object's entity tag.
    tag: String,
}

impl KeySetSource {
    /// The set of `name`; nothing is read yet.
    pub(crate) fn new(store: Store, name: ModelName, vault: Vault) -> Self {
        Self::with_reader(KeySetReader { store, name, vault, highest: None })
    }

    /// The same source, but it refuses a set that is older than one that any process of this ledger has read.
    pub(crate) fn with_ledger(&self, ledger: Arc<dyn Ledger>) -> Self {
        let KeySetReader { store, name, vault, .. } = &*self.reader;
        let (store, name, vault) = (store.clone(), name.clone(), vault.clone());
        Self::with_reader(KeySetReader { store, name, vault, highest: Some(HighWaterMark::new(ledger)) })
    }

    fn with_reader(reader: KeySetReader) -> Self {
        let reader = Arc::new(reader);
        let read = Arc::clone(&reader);
        let cached = Refreshing::new("sealing keys", POLICY, move |known| {
            let reader = Arc::clone(&read);
            async move { reader.read(known).await }
        });
        Self { reader, cached }
    }

    /// The model of the set.
    pub(crate) fn name(&self) -> &ModelName {
        &self.reader.name
    }

    /// The keys, no older than [`MAX_AGE`] if they can be read; older ones otherwise.
    ///
    /// # Errors
    /// If no keys are known and they cannot be read.
    pub(crate) async fn keys(&self) -> Result<Arc<UnwrappedKeys>, Arc<SealingError>> {
        Ok(self.cached.get().await?.keys)
    }

    /// The known keys at any age, without waiting; a due read runs in the background. If none are known, this is [`keys`](Self::keys).
    pub(crate) async fn stale_keys(&self) -> Result<Arc<UnwrappedKeys>, Arc<SealingError>> {
        Ok(self.cached.get_stale().await?.keys)
    }

    /// Reads the keys again, because a call named an unknown one. Returns the known keys if the read fails or was too recent.
    pub(crate) async fn refetch_keys(&self) -> Result<Arc<UnwrappedKeys>, Arc<SealingError>> {
        let read = self.cached.refetch(self.cached.fetches()).await;
        Ok(read.or_else(|error| self.cached.latest().ok_or(error))?.keys)
    }

    /// Forgets all keys, and discards the result of a running read.
    pub(crate) fn forget(&self) {
        self.cached.forget();
    }
}

/// Reads the set from the store and unwraps it.
struct KeySetReader {
    store: Store,
    name: ModelName,
    vault: Vault,
    /// The highest serial of all processes, if there is a ledger.
    highest: Option<HighWaterMark>,
}

impl KeySetReader {
    async fn read(&self, known: Option<CachedKeys>) -> Result<CachedKeys, SealingError> {
        match self.read_once(known.clone()).await {
            // The set may have been changed during the read, and another process may have read the new one.
            Err(SealingError::Older { .. }) => self.read_once(known).await,
            read => read,
        }
    }

    async fn read_once(&self, known: Option<CachedKeys>) -> Result<CachedKeys, SealingError> {
        let object = match self.store.read(&sealing_key(&self.name)).await {
            Err(error) if error.is_not_found() => {
                return Err(SealingError::Missing { name: self.name.to_string() });
            }
            object => object?,
        };
        if let Some(known) = known.as_ref().filter(|known| known.tag == object.tag) {
            return Ok(known.clone());
        }
        let set = KeySet::from_json(&self.name, &object.bytes)?;
        let known = known.map(|known| known.keys);
        // A writer of the bucket could restore a set with a retired key.
        let reject_older = |found: u64, known: u64| {
            if found < known { Err(SealingError::Older { found, known }) } else { Ok(()) }
        };
        reject_older(set.serial(), known.as_ref().map_or(0, |keys| keys.serial()))?;
        let keys = set.unwrap(&self.vault, known.as_deref()).await?;
        // The set was verified, so the serial is not forged.
        if let Some(highest) = &self.highest {
            reject_older(keys.serial(), highest.with(&self.serial_key(), keys.serial()).await?)?;
        }
        Ok(CachedKeys { keys: Arc::new(keys), tag: object.tag })
    }

    /// The ledger key of the highest serial.
    fn serial_key(&self) -> LedgerKey {
        LedgerKey::new(format!("sealing/{}", self.name), "serial")
    }
}

impl From<FetchTimeout> for SealingError {
    fn from(FetchTimeout(bound): FetchTimeout) -> Self {
        Self::Slow { seconds: bound.as_secs() }
    }
}

impl fmt::Debug for KeySetSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", self.name()).finish_non_exhaustive()
    }
}

/// How the set is cached. `min_interval` bounds reads of the store by a client that tries many ids.
const POLICY: RefreshPolicy = RefreshPolicy {
    max_age: MAX_AGE,
    revalidate_after: Duration::from_secs(45),
    stale_if_error: Duration::MAX,
    wait_when_stale: Duration::from_secs(1),
    wait_when_missing: Duration::from_secs(5),
    min_interval: MIN_INTERVAL,
    on_miss: OnMiss::KeepAfterRefetch,
    fetch_timeout: Duration::from_secs(5),
    initial_backoff: MIN_INTERVAL,
    max_backoff: MIN_INTERVAL,
};
/// How long a set is used without another read. A rotation offers new keys so much later.
pub(crate) const MAX_AGE: Duration = Duration::from_mins(1);
/// The least time between two reads after a failure, and between two reads for unknown keys.
pub(crate) const MIN_INTERVAL: Duration = Duration::from_secs(5);
