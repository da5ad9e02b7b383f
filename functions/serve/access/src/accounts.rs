//! The tenants, keys and prices that a ledger holds, for whoever administers them.
//!
//! A key's record stands under its id, where functions find it in one read; that it is its tenant's is noted beside the tenant. The
//! note is written first and ends last, so that no key works that its tenant's list does not show.
//!
//! Records are [signed](crate::signed) by the ledger's [authority](crate::authority), which functions cannot use. Notes are not: they
//! only say where to look.

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
use crate::key::{KeyId, KeyRecord, Scope};
use crate::price::Price;
use crate::secret::Secret;
use crate::signed;
use crate::signed::Place;
use crate::tenant::{Tenant, TenantName};
use crate::time::now;
use amaas_ledger::{Entry, FOREVER, Inserted, Key, Ledger, Memory, Revision};
use amaas_store::ModelName;
use amaas_store::vault::Vault;
use amaas_wire::Digest;

/// The accounts in a ledger. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts {
    ledger: Arc<dyn Ledger>,
    secret: Secret,
    authority: Authority,
}

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct KeyTerms {
    /// Whose key it is. A tenant that is not there yet is made, without limits.
    pub tenant: TenantName,
    /// What its maker calls it.
    pub name: String,
    /// From when on it is refused, in seconds since 1970 (UTC).
    pub expires: Option<u64>,
    /// What it may do.
    pub scope: Scope,
}

impl KeyTerms {
    /// A key of `tenant` that may do everything, without an end.
    pub fn of(tenant: TenantName) -> Self {
        Self { tenant, name: "default".to_owned(), expires: None, scope: Scope::default() }
    }
}

impl Accounts {
    /// The accounts in `ledger`, whose secrets `vault` wraps. Nothing is read yet.
    pub fn new(ledger: Arc<dyn Ledger>, vault: Vault) -> Self {
        let secret = Secret::new(Arc::clone(&ledger), vault.clone());
        let authority = Authority::new(Arc::clone(&ledger), Some(vault));
        Self { ledger, secret, authority }
    }

    /// The accounts in `ledger`, for whoever only reads them without the vault: as they stand there, whoever wrote them. Nothing is
    /// changed with them.
    pub fn without_vault(ledger: Arc<dyn Ledger>) -> Self {
        let secret = Secret::closed(Arc::clone(&ledger));
        let authority = Authority::new(Arc::clone(&ledger), None);
        Self { ledger, secret, authority }
    }

    /// Accounts in the memory of this process, which end with it.
    ///
    /// # Errors
    /// [`AccountsError::Random`].
    pub fn in_memory() -> Result<Self, AccountsError> {
        let ledger: Arc<dyn Ledger> = Arc::new(Memory::default());
        let secret = Secret::of_process(Arc::clone(&ledger))?;
        let authority = Authority::of_process(Arc::clone(&ledger))?;
        Ok(Self { ledger, secret, authority })
    }

    /// The ledger that they stand in.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }

    /// Reads the ledger's secrets where they are not known yet, so that no call has to wait for them.
    ///
    /// # Errors
    /// [`AccountsError::NoSecret`] where no key was ever made, [`AccountsError::NotSigned`] where nothing is signed, or when ledger or
    /// vault fail or refuse.
    pub async fn load(&self) -> Result<(), AccountsError> {
        let (secret, verifier) = tokio::join!(self.secret.open(), self.authority.verifier());
        secret?;
        verifier.map(drop)
    }

    /// Drops the secrets from memory. They are read anew when they are needed.
    pub fn forget(&self) {
        self.secret.forget();
        self.authority.forget();
    }

    /// The ledger's secret.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Keeps a record of `key`, by which functions know it from now on.
    ///
    /// # Errors
    /// [`AccountsError::TwoKeys`] where the tenant has two live ones of that name; or when ledger or vault fail or refuse.
    pub async fn add_key(&self, key: &ApiKey, terms: KeyTerms) -> Result<KeyRecord, AccountsError> {
        let KeyTerms { tenant, name, expires, scope } = terms;
        let created = now();
        self.add_tenant(&Tenant::new(tenant.clone(), created)).await?;
        let same_name = |record: &&KeyRecord| record.name == name && record.is_live(created);
        if self.keys_of(&tenant).await?.iter().filter(same_name).count() >= LIVE_KEYS {
            return Err(AccountsError::TwoKeys { tenant, name });
        }
        let signer = self.signer().await?;
        let (id, secret) = (KeyId::of(key), self.secret.create().await?);
        let digest = Digest::from_bytes(secret.peppered(key.expose()));
        let record = KeyRecord { id, digest, name, tenant, created, expires, revoked: None, scope };
        self.ledger.insert(&note(&record.tenant, &record.id), Bytes::new(), FOREVER).await?;
        let place = key_place(&record.id);
        match self.ledger.insert(&place.key, signed::signed(&signer, &place, &record), FOREVER).await? {
            Inserted::New(_) => Ok(record),
            Inserted::Exists(_) => Err(AccountsError::KeyExists { id: record.id }),
        }
    }

    /// The record of a key, revoked ones for 90 days.
    ///
    /// # Errors
    /// [`AccountsError::Forged`] where nobody signed it who may, or when the ledger fails or refuses, as with each of these.
    pub async fn key(&self, id: &KeyId) -> Result<Option<KeyRecord>, AccountsError> {
        Ok(self.read(&key_place(id)).await?.map(|(record, _)| record))
    }

    /// The keys of `tenant`, the oldest first.
    ///
    /// # Errors
    /// When the ledger fails or refuses.
    pub async fn keys_of(&self, tenant: &TenantName) -> Result<Vec<KeyRecord>, AccountsError> {
        let mut records = Vec::new();
        for listed in amaas_ledger::all(&*self.ledger, &notes(tenant)).await? {
            let Ok(id) = listed.sort.parse() else { continue };
            // There is none where a key was never finished, and so never worked. A note that points to another tenant's is no note.
            records.extend(self.key(&id).await?.filter(|record| record.tenant == *tenant));
        }
        records.sort_by_key(|record: &KeyRecord| record.created);
        Ok(records)
    }

    /// Revokes a key; whether there was one that was not revoked. Functions refuse it within a minute.
    ///
    /// # Errors
    /// When the ledger fails or refuses.
    pub async fn revoke(&self, id: &KeyId) -> Result<bool, AccountsError> {
        let revoke = |record: &mut KeyRecord| record.revoked.replace(now()).is_none();
        let revoked = self.change(&key_place(id), REMEMBERED, revoke).await?;
        // The note goes when the record does.
        if let Some(record) = self.key(id).await? {
            let note = note(&record.tenant, id);
            if let Some(entry) = self.ledger.read(&note).await? {
                self.ledger.extend(&note, entry.revision, REMEMBERED).await?;
            }
        }
        Ok(revoked)
    }

    /// Adds a tenant; whether there was none of its name.
    ///
    /// # Errors
    /// When the ledger fails or refuses.
    pub async fn add_tenant(&self, tenant: &Tenant) -> Result<bool, AccountsError> {
        let (signer, place) = (self.signer().await?, tenant_place(&tenant.name));
        let inserted = self.ledger.insert(&place.key, signed::signed(&signer, &place, tenant), FOREVER).await?;
        Ok(matches!(inserted, Inserted::New(_)))
    }

    /// The tenant called `name`.
    ///
    /// # Errors
    /// When the ledger fails or refuses.
    pub async fn tenant(&self, name: &TenantName) -> Result<Option<Tenant>, AccountsError> {
        Ok(self.read(&tenant_place(name)).await?.map(|(tenant, _)| tenant))
    }

    /// Every tenant, by name.
    ///
    /// # Errors
    /// When the ledger fails or refuses.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, AccountsError> {
        let mut tenants = Vec::new();
        for listed in amaas_ledger::all(&*self.ledger, TENANTS).await? {
            let Ok(name) = listed.sort.parse() else { continue };
            tenants.push(self.open(&tenant_place(&name), &listed.entry).await?);
        }
        Ok(tenants)
    }

    /// Changes a tenant; whether there is one and `change` says that it changed it. Functions go by it within a minute.
    ///
    /// # Errors
    /// When the ledger fails or refuses.
    pub async fn change_tenant(
        &self,
        name: &TenantName,
        change: impl Fn(&mut Tenant) -> bool + Send,
    ) -> Result<bool, AccountsError> {
        self.change(&tenant_place(name), FOREVER, change).await
    }

    /// What calls to `model` cost: nothing, where nobody said.
    ///
    /// # Errors
    /// When the ledger fails or refuses.
    pub async fn price(&self, model: &ModelName) -> Result<Price, AccountsError> {
        Ok(self.read(&price_place(model)).await?.map(|(price, _)| price).unwrap_or_default())
    }

    /// Every price that was set, by model.
    ///
    /// # Errors
    /// When the ledger fails or refuses.
    pub async fn prices(&self) -> Result<Vec<(ModelName, Price)>, AccountsError> {
        let mut prices = Vec::new();
        for listed in amaas_ledger::all(&*self.ledger, PRICES).await? {
            let Ok(model) = listed.sort.parse() else { continue };
            let price = self.open(&price_place(&model), &listed.entry).await?;
            prices.push((model, price));
        }
        Ok(prices)
    }

    /// Sets what calls to `model` cost from now on; functions go by it within a minute.
    ///
    /// # Errors
    /// When the ledger fails or refuses.
    pub async fn set_price(&self, model: &ModelName, price: Price) -> Result<(), AccountsError> {
        let (signer, place) = (self.signer().await?, price_place(model));
        let value = signed::signed(&signer, &place, &price);
        Ok(self.ledger.write(&[amaas_ledger::Write { key: place.key, value, lives: FOREVER }]).await?)
    }

    /// What records are signed with; made where nothing was ever written in the ledger.
    async fn signer(&self) -> Result<SigningKey, AccountsError> {
        match self.authority.signer().await {
            Err(AccountsError::NotSigned) if self.is_new().await? => {
                let signer = self.authority.draw().await?;
                self.authority.publish(&signer).await?;
                Ok(signer)
            }
            // Somebody else may have made it meanwhile.
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

    async fn read<T>(&self, place: &Place) -> Result<Option<(T, Revision)>, AccountsError>
    where
        T: Serialize + DeserializeOwned,
    {
        let Some(entry) = self.ledger.read(&place.key).await? else { return Ok(None) };
        Ok(Some((self.open(place, &entry).await?, entry.revision)))
    }

    /// The record in `entry`, where it holds; as it stands there, for whoever cannot verify it.
    async fn open<T: Serialize + DeserializeOwned>(&self, place: &Place, entry: &Entry) -> Result<T, AccountsError> {
        if self.authority.is_closed() {
            return signed::parsed(&entry.value).map(|(record, _)| record);
        }
        signed::verified(&self.authority.verifier().await?, place, &entry.value)
    }

    /// Changes an entry, again from the start where somebody else changed it meanwhile.
    async fn change<T: Serialize + DeserializeOwned + Send>(
        &self,
        place: &Place,
        lives: Duration,
        change: impl Fn(&mut T) -> bool + Send,
    ) -> Result<bool, AccountsError> {
        let signer = self.signer().await?;
        for attempt in 0..ATTEMPTS {
            let Some((mut value, revision)) = self.read::<T>(place).await? else { return Ok(false) };
            if !change(&mut value) {
                // After a conflict it may be our own change that is there: a client writes again where no answer came.
                return Ok(attempt > 0);
            }
            let value = signed::signed(&signer, place, &value);
            if self.ledger.replace(&place.key, revision, value, lives).await?.is_some() {
                return Ok(true);
            }
        }
        Err(AccountsError::Busy)
    }
}

fn key_place(id: &KeyId) -> Place {
    Place { key: Key::new(format!("key/{id}"), "record"), what: format!("key {id}") }
}

fn notes(tenant: &TenantName) -> String {
    format!("keys-of/{tenant}")
}

fn note(tenant: &TenantName, id: &KeyId) -> Key {
    Key::new(notes(tenant), id.as_str())
}

fn tenant_place(name: &TenantName) -> Place {
    Place { key: Key::new(TENANTS, name.as_str()), what: format!("tenant {name}") }
}

fn price_place(model: &ModelName) -> Place {
    Place { key: Key::new(PRICES, model.as_str()), what: format!("the price of {model}") }
}

const TENANTS: &str = "tenants";
const PRICES: &str = "prices";
/// One in use, and one that follows it.
const LIVE_KEYS: usize = 2;
/// How long it is told of a revoked key that it was revoked; then nobody knows it.
const REMEMBERED: Duration = Duration::from_hours(24 * 90);
/// How often a change is tried before somebody hears that others were always faster.
const ATTEMPTS: u32 = 5;

#[cfg(test)]
mod tests;
