//! Who calls: keys, tenants and prices as a function finds them, in memory for a minute, and read again before that is over.
//!
//! A key that was made a moment ago works at once; one that was revoked works for a minute at most, while the ledger can be read.
//! While it cannot, those that are known go on working for 15 minutes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use amaas_wire::ApiKey;
use tokio::sync::Semaphore;

use crate::access_error::AccessError;
use crate::account::Account;
use crate::accounts::Accounts;
use crate::cached::Cached;
use crate::error::AccountsError;
use crate::key::{KeyId, KeyRecord};
use crate::price::Price;
use crate::tenant::{Standing, TenantName};
use crate::time::now;
use amaas_ledger::LedgerError;
use amaas_store::ModelName;

/// What a function knows of the accounts in its ledger.
pub struct Directory {
    accounts: Accounts,
    keys: Shelf<KeyId, Arc<KeyRecord>>,
    tenants: Shelf<TenantName, Arc<Account>>,
    prices: Shelf<ModelName, Price>,
    /// Held while something is looked for that is not known.
    unknown: Semaphore,
}

impl Directory {
    /// A directory of `accounts`, with nothing cached.
    pub fn new(accounts: Accounts) -> Self {
        Self {
            accounts,
            keys: Shelf::default(),
            tenants: Shelf::default(),
            prices: Shelf::default(),
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
        known: &Shelf<K, V>,
        key: &K,
        read: impl Fn(Accounts, K) -> R + Clone + Send + Sync + 'static,
    ) -> Result<Option<V>, AccessError>
    where
        K: Clone + Eq + Hash + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        R: Future<Output = Result<Option<V>, AccountsError>> + Send + 'static,
    {
        let unavailable = |internal| AccessError::KeysUnavailable { internal };
        if let Some(cached) = known.known(key) {
            let found = cached.find().await;
            if matches!(found, Ok(None)) {
                known.forget(key, &cached);
            }
            return found.map_err(unavailable);
        }
        // Whoever tries one wrong key after the other does not take the ledger from those who have a good one.
        let Ok(_look) = self.unknown.try_acquire() else {
            return Err(unavailable(format!("{LOOKS} others are looking for something that is not known")));
        };
        let (accounts, of) = (self.accounts.clone(), key.clone());
        let cached = Arc::new(Cached::new(move || {
            let (read, accounts, of) = (read.clone(), accounts.clone(), of.clone());
            async move { read(accounts, of).await.map_err(as_ledgers) }
        }));
        // Whoever asks for the same meanwhile waits for the same read.
        let cached = known.keep(key, cached);
        let found = cached.find().await;
        if !matches!(found, Ok(Some(_))) {
            known.forget(key, &cached);
        }
        found.map_err(unavailable)
    }
}

/// Things that are known, by name.
struct Shelf<K, V>(RwLock<HashMap<K, Arc<Cached<V>>>>);

impl<K: Clone + Eq + Hash, V: Clone + Send + Sync + 'static> Shelf<K, V> {
    fn known(&self, key: &K) -> Option<Arc<Cached<V>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Keeps `cached`, unless somebody else was faster; what is kept.
    fn keep(&self, key: &K, cached: Arc<Cached<V>>) -> Arc<Cached<V>> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SWEPT_FROM && known.len().is_power_of_two() {
            known.retain(|_, cached| !cached.is_idle());
        }
        Arc::clone(known.entry(key.clone()).or_insert(cached))
    }

    /// Drops `cached`, of which nothing is known.
    fn forget(&self, key: &K, cached: &Arc<Cached<V>>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.get(key).is_some_and(|is| Arc::ptr_eq(is, cached)) {
            known.remove(key);
        }
    }
}

impl<K, V> Default for Shelf<K, V> {
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
/// From how many on those that nobody asks for are dropped.
const SWEPT_FROM: usize = 4096;
