//! The tenants, keys and prices in a ledger, for operators.
//!
//! A key's record is stored under its id, so that functions find it in one read. An index entry beside the tenant lists the key. It is
//! written first and expires last, so every key that works is in its tenant's list.
//!
//! Records are [signed](crate::signed) by the ledger's [authority](crate::authority), which functions cannot use. Index entries are not
//! signed: they only say where to look.

mod sign;

use std::sync::Arc;
use std::time::Duration;

use amaas_wire::ApiKey;
use amaas_wire::dsse::SigningKey;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::sign::SignedRecords;
use crate::authority::Authority;
use crate::error::AccountsError;
use crate::key::{KeyId, KeyRecord, KeyScope};
use crate::price::Price;
use crate::secret::LedgerSecret;
use crate::signed;
use crate::signed::RecordPlace;
use crate::tenant::{Tenant, TenantName};
use crate::time::now;
use amaas_ledger::{InsertOutcome, Ledger, LedgerEntry, LedgerKey, MemoryLedger, NO_EXPIRY, Revision};
use amaas_store::ModelName;
use amaas_store::vault::Vault;
use amaas_wire::Digest;

/// The accounts in a ledger. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts {
    ledger: Arc<dyn Ledger>,
    secret: LedgerSecret,
    authority: Authority,
}

/// The terms of a new key.
#[derive(Clone, Debug)]
pub struct KeyTerms {
    /// The tenant. If it does not exist, it is created without limits.
    pub tenant: TenantName,
    /// The name that the operator gives it.
    pub name: String,
    /// When it expires, in seconds since 1970 (UTC).
    pub expires: Option<u64>,
    /// Its permissions.
    pub scope: KeyScope,
}

impl KeyTerms {
    /// A key of `tenant` with full scope that does not expire.
    pub fn of(tenant: TenantName) -> Self {
        Self { tenant, name: "default".to_owned(), expires: None, scope: KeyScope::default() }
    }
}

impl Accounts {
    /// The accounts in `ledger`, whose secrets `vault` wraps. Nothing is read yet.
    pub fn new(ledger: Arc<dyn Ledger>, vault: Vault) -> Self {
        let secret = LedgerSecret::new(Arc::clone(&ledger), vault.clone());
        let authority = Authority::new(Arc::clone(&ledger), Some(vault));
        Self { ledger, secret, authority }
    }

    /// The accounts in `ledger`, read-only and without the vault: records are returned without verification.
    pub fn without_vault(ledger: Arc<dyn Ledger>) -> Self {
        let secret = LedgerSecret::closed(Arc::clone(&ledger));
        let authority = Authority::new(Arc::clone(&ledger), None);
        Self { ledger, secret, authority }
    }

    /// Accounts in the memory of this process.
    ///
    /// # Errors
    /// [`AccountsError::Random`].
    pub fn in_memory() -> Result<Self, AccountsError> {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
        let secret = LedgerSecret::of_process(Arc::clone(&ledger))?;
        let authority = Authority::of_process(Arc::clone(&ledger))?;
        Ok(Self { ledger, secret, authority })
    }

    /// The ledger.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }

    /// Reads the ledger's secrets unless they are known, so that no call waits for them.
    ///
    /// # Errors
    /// [`AccountsError::NoSecret`] if no key was ever created, [`AccountsError::NotSigned`] if nothing is signed, or an error of ledger or
    /// vault.
    pub async fn load(&self) -> Result<(), AccountsError> {
        let (secret, verifier) = tokio::join!(self.secret.open(), self.authority.verifier());
        secret?;
        verifier.map(drop)
    }

    /// Drops the secrets from memory. They are read again on next use.
    pub fn forget(&self) {
        self.secret.forget();
        self.authority.forget();
    }

    /// The ledger's secret.
    pub fn secret(&self) -> &LedgerSecret {
        &self.secret
    }

    /// Stores a record of `key`, so that functions accept it from now on.
    ///
    /// # Errors
    /// [`AccountsError::TwoKeys`] if the tenant has two live keys of that name, or an error of ledger or vault.
    pub async fn add_key(&self, key: &ApiKey, terms: KeyTerms) -> Result<KeyRecord, AccountsError> {
        let KeyTerms { tenant, name, expires, scope } = terms;
        let created = now();
        self.add_tenant(&Tenant::new(tenant.clone(), created)).await?;
        let same_name = |record: &&KeyRecord| record.name == name && record.is_live(created);
        if self.keys_of(&tenant).await?.iter().filter(same_name).count() >= MAX_LIVE_KEYS {
            return Err(AccountsError::TwoKeys { tenant, name });
        }
        let signer = self.signer().await?;
        let (id, secret) = (KeyId::of(key), self.secret.create().await?);
        let digest = Digest::from_bytes(secret.peppered(key.expose()));
        let record = KeyRecord { id, digest, name, tenant, created, expires, revoked: None, scope };
        self.ledger.insert(&index_entry(&record.tenant, &record.id), Bytes::new(), NO_EXPIRY).await?;
        let place = key_place(&record.id);
        match self.ledger.insert(&place.key, signed::signed(&signer, &place, &record), NO_EXPIRY).await? {
            InsertOutcome::New(_) => Ok(record),
            InsertOutcome::Exists(_) => Err(AccountsError::KeyExists { id: record.id }),
        }
    }

    /// The record of a key; a revoked one is kept for 90 days.
    ///
    /// # Errors
    /// [`AccountsError::Forged`] if the signature is not valid, or an error of the ledger.
    pub async fn key(&self, id: &KeyId) -> Result<Option<KeyRecord>, AccountsError> {
        Ok(self.read(&key_place(id)).await?.map(|(record, _)| record))
    }

    /// The keys of `tenant`, the oldest first.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn keys_of(&self, tenant: &TenantName) -> Result<Vec<KeyRecord>, AccountsError> {
        let mut records = Vec::new();
        for listed in amaas_ledger::all(&*self.ledger, &key_index(tenant)).await? {
            let Ok(id) = listed.sort.parse() else { continue };
            // A key whose creation was cut off has no record and never worked. An index entry for another tenant's key is ignored.
            records.extend(self.key(&id).await?.filter(|record| record.tenant == *tenant));
        }
        records.sort_by_key(|record: &KeyRecord| record.created);
        Ok(records)
    }

    /// Revokes a key; whether it existed and was not revoked yet. Functions refuse it within a minute.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn revoke(&self, id: &KeyId) -> Result<bool, AccountsError> {
        let revoke = |record: &mut KeyRecord| record.revoked.replace(now()).is_none();
        let revoked = self.change(&key_place(id), REVOKED_KEY_RETENTION, revoke).await?;
        // The index entry expires with the record.
        if let Some(record) = self.key(id).await? {
            let index_entry = index_entry(&record.tenant, id);
            if let Some(entry) = self.ledger.read(&index_entry).await? {
                self.ledger.extend(&index_entry, entry.revision, REVOKED_KEY_RETENTION).await?;
            }
        }
        Ok(revoked)
    }

    /// Adds a tenant; whether the name was free.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn add_tenant(&self, tenant: &Tenant) -> Result<bool, AccountsError> {
        let (signer, place) = (self.signer().await?, tenant_place(&tenant.name));
        let inserted = self.ledger.insert(&place.key, signed::signed(&signer, &place, tenant), NO_EXPIRY).await?;
        Ok(matches!(inserted, InsertOutcome::New(_)))
    }

    /// The tenant `name`.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn tenant(&self, name: &TenantName) -> Result<Option<Tenant>, AccountsError> {
        Ok(self.read(&tenant_place(name)).await?.map(|(tenant, _)| tenant))
    }

    /// Every tenant, by name.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, AccountsError> {
        let mut tenants = Vec::new();
        for listed in amaas_ledger::all(&*self.ledger, TENANTS).await? {
            let Ok(name) = listed.sort.parse() else { continue };
            tenants.push(self.open(&tenant_place(&name), &listed.entry).await?);
        }
        Ok(tenants)
    }

    /// Changes a tenant; whether it exists and `change` returned true. Functions apply it within a minute.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn change_tenant(
        &self,
        name: &TenantName,
        change: impl Fn(&mut Tenant) -> bool + Send,
    ) -> Result<bool, AccountsError> {
        self.change(&tenant_place(name), NO_EXPIRY, change).await
    }

    /// The price of calls to `model`; zero if none was set.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn price(&self, model: &ModelName) -> Result<Price, AccountsError> {
        Ok(self.read(&price_place(model)).await?.map(|(price, _)| price).unwrap_or_default())
    }

    /// Every price that was set, by model.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn prices(&self) -> Result<Vec<(ModelName, Price)>, AccountsError> {
        let mut prices = Vec::new();
        for listed in amaas_ledger::all(&*self.ledger, PRICES).await? {
            let Ok(model) = listed.sort.parse() else { continue };
            let price = self.open(&price_place(&model), &listed.entry).await?;
            prices.push((model, price));
        }
        Ok(prices)
    }

    /// Sets the price of calls to `model`; functions apply it within a minute.
    ///
    /// # Errors
    /// An error of the ledger.
    pub async fn set_price(&self, model: &ModelName, price: Price) -> Result<(), AccountsError> {
        let (signer, place) = (self.signer().await?, price_place(model));
        let value = signed::signed(&signer, &place, &price);
        Ok(self.ledger.write(&[amaas_ledger::LedgerWrite { key: place.key, value, ttl: NO_EXPIRY }]).await?)
    }

    /// The signing key, created if the ledger is new.
    async fn signer(&self) -> Result<SigningKey, AccountsError> {
        match self.authority.signer().await {
            Err(AccountsError::NotSigned) if self.is_new().await? => {
                let signer = self.authority.draw().await?;
                self.authority.publish(&signer).await?;
                Ok(signer)
            }
            // Another process may have created it meanwhile.
            Err(AccountsError::NotSigned) => self.authority.signer().await,
            signer => signer,
        }
    }

    /// Whether the ledger has no accounts yet.
    async fn is_new(&self) -> Result<bool, AccountsError> {
        for partition in [TENANTS, PRICES] {
            if !self.ledger.list(partition, "", 1).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(!self.secret.exists().await?)
    }

    async fn read<T>(&self, place: &RecordPlace) -> Result<Option<(T, Revision)>, AccountsError>
    where
        T: Serialize + DeserializeOwned,
    {
        let Some(entry) = self.ledger.read(&place.key).await? else { return Ok(None) };
        Ok(Some((self.open(place, &entry).await?, entry.revision)))
    }

    /// The record in `entry`, verified; unverified for a reader without the vault.
    async fn open<T: Serialize + DeserializeOwned>(
        &self,
        place: &RecordPlace,
        entry: &LedgerEntry,
    ) -> Result<T, AccountsError> {
        if self.authority.is_closed() {
            return signed::parsed(&entry.value).map(|(record, _)| record);
        }
        signed::verified(&self.authority.verifier().await?, place, &entry.value)
    }

    /// Changes an entry, and starts again if another process changed it meanwhile.
    async fn change<T: Serialize + DeserializeOwned + Send>(
        &self,
        place: &RecordPlace,
        ttl: Duration,
        change: impl Fn(&mut T) -> bool + Send,
    ) -> Result<bool, AccountsError> {
        let signer = self.signer().await?;
        for attempt in 0..MAX_ATTEMPTS {
            let Some((mut value, revision)) = self.read::<T>(place).await? else { return Ok(false) };
            if !change(&mut value) {
                // After a conflict the stored change may be our own: a client repeats a write without a response.
                return Ok(attempt > 0);
            }
            let value = signed::signed(&signer, place, &value);
            if self.ledger.replace(&place.key, revision, value, ttl).await?.is_some() {
                return Ok(true);
            }
        }
        Err(AccountsError::Busy)
    }
}

fn key_place(id: &KeyId) -> RecordPlace {
    RecordPlace { key: LedgerKey::new(format!("key/{id}"), "record"), what: format!("key {id}") }
}

fn key_index(tenant: &TenantName) -> String {
    format!("keys-of/{tenant}")
}

fn index_entry(tenant: &TenantName, id: &KeyId) -> LedgerKey {
    LedgerKey::new(key_index(tenant), id.as_str())
}

fn tenant_place(name: &TenantName) -> RecordPlace {
    RecordPlace { key: LedgerKey::new(TENANTS, name.as_str()), what: format!("tenant {name}") }
}

fn price_place(model: &ModelName) -> RecordPlace {
    RecordPlace { key: LedgerKey::new(PRICES, model.as_str()), what: format!("the price of {model}") }
}

/// The partition of tenants.
const TENANTS: &str = "tenants";
/// The partition of prices.
const PRICES: &str = "prices";
/// Bounds the live keys of one name: one in use, and its successor during a rotation.
const MAX_LIVE_KEYS: usize = 2;
/// How long a revoked key is reported as revoked; then it is unknown.
const REVOKED_KEY_RETENTION: Duration = Duration::from_hours(24 * 90);
/// Bounds the attempts of a change that conflicts.
const MAX_ATTEMPTS: u32 = 5;

#[cfg(test)]
mod tests;
