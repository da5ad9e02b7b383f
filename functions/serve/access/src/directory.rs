//! A function's cache of the accounts: keys, tenants and prices, with stale-while-revalidate and stale-if-error.
//!
//! A new key works at once. A revoked key works for a minute at most while the ledger can be read. While it cannot, known keys go on
//! working for 15 minutes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use amaas_wire::ApiKey;
use tokio::sync::Semaphore;

use crate::access_error::AccessError;
use crate::account::Account;
use crate::accounts::Accounts;
use crate::error::AccountsError;
use crate::key::{KeyId, KeyRecord};
use crate::price::Price;
use crate::refreshing::{OnMiss, RefreshPolicy, Refreshing};
use crate::tenant::{TenantName, TenantStatus};
use crate::time::now;
use amaas_ledger::LedgerError;
use amaas_store::ModelName;

/// The accounts of a ledger, cached.
pub struct Directory {
    accounts: Accounts,
    keys: CacheMap<KeyId, Arc<KeyRecord>>,
    tenants: CacheMap<TenantName, Arc<Account>>,
    prices: CacheMap<ModelName, Price>,
    /// Bounds look-ups of unknown entries.
    unknown: Semaphore,
}

impl Directory {
    /// A directory of `accounts`, with nothing cached.
    pub fn new(accounts: Accounts) -> Self {
        Self {
            accounts,
            keys: CacheMap::default(),
            tenants: CacheMap::default(),
            prices: CacheMap::default(),
            unknown: Semaphore::new(MAX_UNKNOWN_LOOKUPS),
        }
    }

    /// The accounts that it caches.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The record of `key`, if the key is valid.
    pub async fn key(&self, key: &ApiKey) -> Result<Arc<KeyRecord>, AccessError> {
        let id = KeyId::of(key);
        let read = |accounts: Accounts, id| async move { Ok(known(accounts.key(&id).await)?.map(Arc::new)) };
        let record = self.find(&self.keys, &id, read).await?;
        let record = record.ok_or(AccessError::KeyUnknown)?;
        let secret = match self.accounts.secret().open().await {
            Ok(secret) => secret,
            Err(AccountsError::NoSecret) => return Err(AccessError::KeyUnknown),
            Err(error) => return Err(AccessError::KeysUnavailable { internal: error.to_string() }),
        };
        if !secret.is_peppered(key.expose(), record.digest.as_bytes()) {
            return Err(AccessError::KeyUnknown);
        }
        match record.revoked {
            Some(_) => Err(AccessError::KeyRevoked),
            None if !record.is_live(now()) => Err(AccessError::KeyExpired),
            None => Ok(record),
        }
    }

    /// The tenant `name`, if it is active.
    pub async fn account(&self, name: &TenantName) -> Result<Arc<Account>, AccessError> {
        let account = |tenant| Arc::new(Account::new(tenant));
        let read = move |accounts: Accounts, name| async move { Ok(known(accounts.tenant(&name).await)?.map(account)) };
        let found = self.find(&self.tenants, name, read).await?;
        let found = found.ok_or_else(|| AccessError::TenantUnknown { tenant: name.to_string() })?;
        match found.tenant().status {
            TenantStatus::Active => Ok(found),
            TenantStatus::Suspended => Err(AccessError::TenantSuspended { tenant: name.to_string() }),
        }
    }

    /// The price of calls to `model`. A price with an invalid signature is an error, so that altering a price makes no call free.
    pub async fn price(&self, model: &ModelName) -> Result<Price, AccessError> {
        let read = |accounts: Accounts, model| async move { accounts.price(&model).await.map(Some) };
        Ok(self.find(&self.prices, model, read).await?.unwrap_or_default())
    }

    /// The entry `key` of `known`, which `read` reads from the accounts.
    async fn find<K, V, R>(
        &self,
        known: &CacheMap<K, V>,
        key: &K,
        read: impl Fn(Accounts, K) -> R + Clone + Send + Sync + 'static,
    ) -> Result<Option<V>, AccessError>
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        R: Future<Output = Result<Option<V>, AccountsError>> + Send + 'static,
    {
        let unavailable = |internal: String| AccessError::KeysUnavailable { internal };
        let failed = |error: Arc<String>| unavailable(error.to_string());
        if let Some(cached) = known.get(key) {
            let found = cached.find().await;
            if matches!(found, Ok(None)) {
                known.remove(key, &cached);
            }
            return found.map_err(failed);
        }
        // A client that tries many wrong keys does not take the ledger's capacity from clients with valid ones.
        let Ok(_permit) = self.unknown.try_acquire() else {
            return Err(unavailable(format!("{MAX_UNKNOWN_LOOKUPS} look-ups of unknown entries are in flight")));
        };
        let (accounts, of) = (self.accounts.clone(), key.clone());
        let cached = Arc::new(Refreshing::new("accounts", POLICY, move |_| {
            let (read, accounts, of) = (read.clone(), accounts.clone(), of.clone());
            async move { read(accounts, of).await.map_err(|error| as_ledgers(error).to_string()) }
        }));
        // Callers that ask for the same entry meanwhile wait for the same fetch.
        let cached = known.get_or_insert(key, cached);
        let found = cached.find().await;
        if !matches!(found, Ok(Some(_))) {
            known.remove(key, &cached);
        }
        found.map_err(failed)
    }
}

/// Entries of the ledger by key, each a cache of its own.
struct CacheMap<K, V>(RwLock<HashMap<K, Arc<CachedRecord<V>>>>);

/// One entry of the ledger, if it exists there.
type CachedRecord<V> = Refreshing<Option<V>, String>;

impl<K: Clone + Eq + Hash, V: Clone + Send + Sync + 'static> CacheMap<K, V> {
    fn get(&self, key: &K) -> Option<Arc<CachedRecord<V>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Inserts `entry` unless another caller was faster; the one that is in the map.
    fn get_or_insert(&self, key: &K, entry: Arc<CachedRecord<V>>) -> Arc<CachedRecord<V>> {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= SWEEP_FROM_LEN && entries.len().is_power_of_two() {
            entries.retain(|_, entry| !entry.is_unused());
        }
        Arc::clone(entries.entry(key.clone()).or_insert(entry))
    }

    /// Removes `entry`, if it is still the one under `key`.
    fn remove(&self, key: &K, entry: &Arc<CachedRecord<V>>) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.get(key).is_some_and(|present| Arc::ptr_eq(present, entry)) {
            entries.remove(key);
        }
    }
}

impl<K, V> Default for CacheMap<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

/// A record with an invalid signature counts as missing: the cached record is dropped, and each call reads it again.
fn known<T>(read: Result<Option<T>, AccountsError>) -> Result<Option<T>, AccountsError> {
    match read {
        Err(error @ AccountsError::Forged { .. }) => {
            tracing::error!(%error, "ledger record refused: invalid signature");
            Ok(None)
        }
        read => read,
    }
}

fn as_ledgers(error: AccountsError) -> LedgerError {
    match error {
        AccountsError::Ledger(error) => error,
        other => LedgerError::Unreachable { ledger: "the ledger".to_owned(), cause: other.to_string() },
    }
}

/// Bounds concurrent look-ups of unknown entries.
const MAX_UNKNOWN_LOOKUPS: usize = 64;
/// From this many entries on, unused ones are removed whenever the map has doubled.
const SWEEP_FROM_LEN: usize = 4096;

/// How entries of the ledger are cached. A revoked key works for `max_age` at most while the ledger can be read, and for
/// `stale_if_error` while it cannot. A fetch takes less than the time from `revalidate_after` to `max_age`, so a ledger that hangs is
/// known to hang by then. `min_interval` keeps a caller that repeats one wrong key from flooding the ledger.
const POLICY: RefreshPolicy = RefreshPolicy {
    max_age: Duration::from_mins(1),
    revalidate_after: Duration::from_secs(45),
    stale_if_error: Duration::from_mins(15),
    wait_when_stale: Duration::from_secs(1),
    wait_when_missing: Duration::from_secs(5),
    min_interval: Duration::from_millis(500),
    on_miss: OnMiss::Wait,
    fetch_timeout: Duration::from_secs(10),
    initial_backoff: Duration::from_secs(2),
    max_backoff: Duration::from_secs(30),
};
