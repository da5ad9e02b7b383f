//! The tenants, keys and prices that a ledger holds, for whoever administers them.
//!
//! A key's record stands under its id, where functions find it in one read; that it is its tenant's is noted beside the tenant. The
//! note is written first and ends last, so that no key works that its tenant's list does not show.

use std::sync::Arc;
use std::time::Duration;

use amaas_wire::ApiKey;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::secret::Secret;
use super::{AccountsError, KeyId, KeyRecord, Price, Scope, Tenant, TenantName, now};
use crate::digest::Digest;
use crate::ledger::{self, Entry, FOREVER, Inserted, Key, Ledger, LedgerError, Memory, Revision};
use crate::store::ModelName;
use crate::vault::Vault;

/// The accounts in a ledger. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts {
    ledger: Arc<dyn Ledger>,
    secret: Secret,
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
    /// The accounts in `ledger`, whose secret `vault` wraps. Nothing is read yet.
    pub fn new(ledger: Arc<dyn Ledger>, vault: Vault) -> Self {
        let secret = Secret::new(Arc::clone(&ledger), vault);
        Self { ledger, secret }
    }

    /// The accounts in `ledger`, for whoever makes and checks no keys: nobody needs the vault to set a limit.
    pub fn without_vault(ledger: Arc<dyn Ledger>) -> Self {
        let secret = Secret::closed(Arc::clone(&ledger));
        Self { ledger, secret }
    }

    /// Accounts in the memory of this process, which end with it.
    ///
    /// # Errors
    /// [`AccountsError::Random`].
    pub fn in_memory() -> Result<Self, AccountsError> {
        let ledger: Arc<dyn Ledger> = Arc::new(Memory::default());
        let secret = Secret::of_process(Arc::clone(&ledger))?;
        Ok(Self { ledger, secret })
    }

    /// The ledger that they stand in.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }

    /// Reads the ledger's secret where it is not known yet, so that no call has to wait for it.
    ///
    /// # Errors
    /// [`AccountsError::NoSecret`] where no key was ever made, or when ledger or vault fail or refuse.
    pub async fn load(&self) -> Result<(), AccountsError> {
        self.secret.open().await.map(drop)
    }

    /// Drops the secret from memory. It is read anew when it is needed.
    pub fn forget(&self) {
        self.secret.forget();
    }

    pub(crate) fn secret(&self) -> &Secret {
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
        let (id, secret) = (KeyId::of(key), self.secret.create().await?);
        let digest = Digest::from_bytes(secret.peppered(key.expose()));
        let record = KeyRecord { id, digest, name, tenant, created, expires, revoked: None, scope };
        self.ledger.insert(&note(&record.tenant, &record.id), Bytes::new(), FOREVER).await?;
        match self.ledger.insert(&key_place(&record.id), json(&record), FOREVER).await? {
            Inserted::New(_) => Ok(record),
            Inserted::Exists(_) => Err(AccountsError::KeyExists { id: record.id }),
        }
    }

    /// The record of a key, revoked ones for 90 days.
    ///
    /// # Errors
    /// When the ledger fails or refuses, as with each of these.
    pub async fn key(&self, id: &KeyId) -> Result<Option<KeyRecord>, AccountsError> {
        Ok(self.read(&key_place(id)).await?.map(|(record, _)| record))
    }

    /// The keys of `tenant`, the oldest first.
    ///
    /// # Errors
    /// When the ledger fails or refuses.
    pub async fn keys_of(&self, tenant: &TenantName) -> Result<Vec<KeyRecord>, AccountsError> {
        let mut records = Vec::new();
        for listed in ledger::all(&*self.ledger, &notes(tenant)).await? {
            let Ok(id) = listed.sort.parse() else { continue };
            // There is none where a key was never finished, and so never worked.
            records.extend(self.key(&id).await?);
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
        let inserted = self.ledger.insert(&tenant_place(&tenant.name), json(tenant), FOREVER).await?;
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
        let listed = ledger::all(&*self.ledger, TENANTS).await?;
        listed.iter().map(|listed| parsed(&listed.entry)).collect()
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
        let listed = ledger::all(&*self.ledger, PRICES).await?;
        let price = |listed: &ledger::Listed| Some((listed.sort.parse().ok()?, parsed(&listed.entry)));
        listed.iter().filter_map(price).map(|(model, price)| Ok((model, price?))).collect()
    }

    /// Sets what calls to `model` cost from now on; functions go by it within a minute.
    ///
    /// # Errors
    /// When the ledger fails or refuses.
    pub async fn set_price(&self, model: &ModelName, price: Price) -> Result<(), AccountsError> {
        let write = ledger::Write { key: price_place(model), value: json(&price), lives: FOREVER };
        Ok(self.ledger.write(&[write]).await?)
    }

    async fn read<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<(T, Revision)>, AccountsError> {
        let Some(entry) = self.ledger.read(key).await? else { return Ok(None) };
        Ok(Some((parsed(&entry)?, entry.revision)))
    }

    /// Changes an entry, again from the start where somebody else changed it meanwhile.
    async fn change<T: Serialize + DeserializeOwned + Send>(
        &self,
        key: &Key,
        lives: Duration,
        change: impl Fn(&mut T) -> bool + Send,
    ) -> Result<bool, AccountsError> {
        for attempt in 0..ATTEMPTS {
            let Some((mut value, revision)) = self.read::<T>(key).await? else { return Ok(false) };
            if !change(&mut value) {
                // After a conflict it may be our own change that is there: a client writes again where no answer came.
                return Ok(attempt > 0);
            }
            if self.ledger.replace(key, revision, json(&value), lives).await?.is_some() {
                return Ok(true);
            }
        }
        Err(AccountsError::Busy)
    }
}

fn json(value: &impl Serialize) -> Bytes {
    // Names, numbers and text only, so that there is nothing that JSON has no form for.
    serde_json::to_vec(value).unwrap_or_default().into()
}

fn parsed<T: DeserializeOwned>(entry: &Entry) -> Result<T, AccountsError> {
    serde_json::from_slice(&entry.value).map_err(|error| {
        let cause = format!("an account of another form: line {}, column {}", error.line(), error.column());
        LedgerError::Format { ledger: "the ledger".to_owned(), cause }.into()
    })
}

fn key_place(id: &KeyId) -> Key {
    Key::new(format!("key/{id}"), "record")
}

fn notes(tenant: &TenantName) -> String {
    format!("keys-of/{tenant}")
}

fn note(tenant: &TenantName, id: &KeyId) -> Key {
    Key::new(notes(tenant), id.as_str())
}

fn tenant_place(name: &TenantName) -> Key {
    Key::new(TENANTS, name.as_str())
}

fn price_place(model: &ModelName) -> Key {
    Key::new(PRICES, model.as_str())
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
mod tests {
    use super::*;

    fn key() -> ApiKey {
        ApiKey::generate("test").expect("random")
    }

    fn terms() -> KeyTerms {
        KeyTerms::of("acme".parse().expect("a name"))
    }

    #[tokio::test]
    async fn two_keys_of_a_name_are_live_and_not_three() {
        let accounts = Accounts::in_memory().expect("random");
        let first = accounts.add_key(&key(), terms()).await.expect("added");
        let second = accounts.add_key(&key(), terms()).await.expect("added");
        let third = accounts.add_key(&key(), terms()).await;
        assert!(matches!(third, Err(AccountsError::TwoKeys { .. })), "{third:?}");
        accounts.add_key(&key(), KeyTerms { name: "batch".to_owned(), ..terms() }).await.expect("another name");
        assert!(accounts.revoke(&first.id).await.expect("revoked"));
        assert!(!accounts.revoke(&first.id).await.expect("it is already"));
        accounts.add_key(&key(), terms()).await.expect("there is a place");
        // A note whose key is not written yet, as somebody who lists at that moment finds it, stays.
        let unfinished = KeyId::of(&key());
        let unfinished = note(&terms().tenant, &unfinished);
        accounts.ledger.insert(&unfinished, Bytes::new(), FOREVER).await.expect("reached");
        let records = accounts.keys_of(&terms().tenant).await.expect("listed");
        assert!(accounts.ledger.read(&unfinished).await.expect("reached").is_some());
        assert_eq!(records.len(), 4);
        assert!(records.iter().any(|record| record.id == first.id && record.revoked.is_some()));
        assert!(records.contains(&second));
        assert_eq!(accounts.tenants().await.expect("listed").len(), 1, "made with the first key");
    }

    #[tokio::test]
    async fn what_is_kept_is_not_the_key() {
        let (accounts, key) = (Accounts::in_memory().expect("random"), key());
        let record = accounts.add_key(&key, terms()).await.expect("added");
        let kept = accounts.ledger.read(&key_place(&record.id)).await.expect("reached").expect("it is there").value;
        let kept = String::from_utf8_lossy(&kept).into_owned();
        assert!(!kept.contains(&key.expose()[12..24]));
        assert!(!kept.contains(&Digest::of(key.expose().as_bytes()).to_string()), "nor what anybody can make of it");
    }

    #[tokio::test]
    async fn tenants_and_prices_are_changed() {
        let accounts = Accounts::in_memory().expect("random");
        let name = terms().tenant;
        assert!(!accounts.change_tenant(&name, |_| true).await.expect("reached"), "there is none");
        assert!(accounts.add_tenant(&Tenant::new(name.clone(), 1)).await.expect("added"));
        assert!(!accounts.add_tenant(&Tenant::new(name.clone(), 2)).await.expect("there is one"));
        let limit = |tenant: &mut Tenant| {
            tenant.budget = "25".parse().ok();
            true
        };
        assert!(accounts.change_tenant(&name, limit).await.expect("changed"));
        let tenant = accounts.tenant(&name).await.expect("read").expect("it is there");
        assert_eq!((tenant.created, tenant.budget.map(|budget| budget.to_string())), (1, Some("25".to_owned())));

        let model = "m".parse().expect("a name");
        let price = Price { call: "0.001".parse().expect("money"), unit: "0.0002".parse().expect("money") };
        assert_eq!(accounts.price(&model).await.expect("read"), Price::default());
        accounts.set_price(&model, price).await.expect("set");
        assert_eq!(accounts.prices().await.expect("listed"), [(model, price)]);
        assert_eq!(price.of(10).to_string(), "0.003");
    }
}
