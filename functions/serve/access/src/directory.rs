//! Who calls: keys, tenants and prices as a function finds them, in memory for a minute, and read again before that is over.
//!
//! A key that was made a moment ago works at once; one that was revoked works for a minute at most, while the ledger can be read.
//! While it cannot, those that are known go on working for 15 minutes.

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
use crate::tenant::{Standing, TenantName};
use crate::time::now;
use amaas_ledger::LedgerError;
use amaas_store::ModelName;

/// What a function knows of the accounts in its ledger.
pub struct Directory {
    accounts: Accounts,
    keys: CacheMap<KeyId, Arc<KeyRecord>>,
    tenants: CacheMap<TenantName, Arc<Account>>,
    prices: CacheMap<ModelName, Price>,
    /// Held while something is looked for that is not known.
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
            unknown: Semaphore::new(LOOKS),
        }
    }

    /// The accounts that it caches.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The record of `key`, where it is good.
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

    /// The tenant called `name`, where its calls are taken.
    pub async fn account(&self, name: &TenantName) -> Result<Arc<Account>, AccessError> {
        let account = |tenant| Arc::new(Account::new(tenant));
        let read = move |accounts: Accounts, name| async move { Ok(known(accounts.tenant(&name).await)?.map(account)) };
        let found = self.find(&self.tenants, name, read).await?;
        let found = found.ok_or_else(|| AccessError::TenantUnknown { tenant: name.to_string() })?;
        match found.tenant().standing {
            Standing::Active => Ok(found),
            Standing::Suspended => Err(AccessError::TenantSuspended { tenant: name.to_string() }),
        }
    }

    /// What calls to `model` cost. A price that does not hold cannot be read: nothing is free because somebody altered what it costs.
    pub async fn price(&self, model: &ModelName) -> Result<Price, AccessError> {
        let read = |accounts: Accounts, model| async move { accounts.price(&model).await.map(Some) };
        Ok(self.find(&self.prices, model, read).await?.unwrap_or_default())
    }

    /// What stands in `known` under `key`, as `read` finds it in the accounts.
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
        // Whoever tries one wrong key after the other does not take the ledger from those who have a good one.
        let Ok(_look) = self.unknown.try_acquire() else {
            return Err(unavailable(format!("{LOOKS} others are looking for something that is not known")));
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
struct CacheMap<K, V>(RwLock<HashMap<K, Arc<Entry<V>>>>);

/// One entry of the ledger, if it exists there.
type Entry<V> = Refreshing<Option<V>, String>;

impl<K: Clone + Eq + Hash, V: Clone + Send + Sync + 'static> CacheMap<K, V> {
    fn get(&self, key: &K) -> Option<Arc<Entry<V>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Inserts `entry` unless another caller was faster; the one that is in the map.
    fn get_or_insert(&self, key: &K, entry: Arc<Entry<V>>) -> Arc<Entry<V>> {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= SWEEP_FROM_LEN && entries.len().is_power_of_two() {
            entries.retain(|_, entry| !entry.is_unused());
        }
        Arc::clone(entries.entry(key.clone()).or_insert(entry))
    }

    /// Removes `entry`, if it is still the one under `key`.
    fn remove(&self, key: &K, entry: &Arc<Entry<V>>) {
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

/// What was read: nothing, where somebody else wrote it than those who administer the ledger. It is read again each time that it is asked
/// for, and what was known of it before is forgotten.
fn known<T>(read: Result<Option<T>, AccountsError>) -> Result<Option<T>, AccountsError> {
    match read {
        Err(error @ AccountsError::Forged { .. }) => {
            tracing::error!(%error, "a record of the ledger is refused");
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

/// How many calls may look for what is not known at once.
const LOOKS: usize = 64;
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
