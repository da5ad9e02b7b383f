//! Migration of ledgers without signatures: their records are signed once.

use std::time::Duration;

use amaas_wire::dsse::SigningKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{
    Accounts, MAX_ATTEMPTS, PRICES, REVOKED_KEY_RETENTION, TENANTS, key_index, key_place, price_place, tenant_place,
};
use crate::error::AccountsError;
use crate::key::KeyRecord;
use crate::price::Price;
use crate::signed;
use crate::signed::RecordPlace;
use crate::tenant::{Tenant, TenantName};
use amaas_ledger::NO_EXPIRY;
use amaas_store::ModelName;

/// How many records were signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the counts are what their names say
pub struct SignedRecords {
    pub tenants: usize,
    pub keys: usize,
    pub prices: usize,
}

impl Accounts {
    /// Signs the tenants, keys and prices of a ledger without signatures as they are; the operator reviews them. Functions of the older
    /// version go on accepting them. Records that are signed already are only verified.
    ///
    /// # Errors
    /// [`AccountsError::Forged`] if a signature is not valid, or an error of ledger or vault.
    pub async fn sign(&self) -> Result<SignedRecords, AccountsError> {
        let unsigned = match self.authority.verifier().await {
            Ok(_) => None,
            Err(AccountsError::NotSigned) => Some(self.authority.draw().await?),
            Err(error) => return Err(error),
        };
        let drawn = unsigned.as_ref();
        let mut signed = SignedRecords::default();
        for listed in amaas_ledger::all(&*self.ledger, PRICES).await? {
            let Ok(model) = listed.sort.parse::<ModelName>() else { continue };
            signed.prices += usize::from(self.sign_one::<Price>(drawn, &price_place(&model), NO_EXPIRY).await?);
        }
        for listed in amaas_ledger::all(&*self.ledger, TENANTS).await? {
            let Ok(name) = listed.sort.parse::<TenantName>() else { continue };
            signed.tenants += usize::from(self.sign_one::<Tenant>(drawn, &tenant_place(&name), NO_EXPIRY).await?);
            for listed in amaas_ledger::all(&*self.ledger, &key_index(&name)).await? {
                let Ok(id) = listed.sort.parse() else { continue };
                let place = key_place(&id);
                let Some(entry) = self.ledger.read(&place.key).await? else { continue };
                let (record, _) = signed::parsed::<KeyRecord>(&entry.value)?;
                let ttl = if record.revoked.is_some() { REVOKED_KEY_RETENTION } else { NO_EXPIRY };
                signed.keys += usize::from(self.sign_one::<KeyRecord>(drawn, &place, ttl).await?);
            }
        }
        // Last: from then on unsigned records are refused.
        if let Some(signer) = drawn {
            self.authority.publish(signer).await?;
        }
        Ok(signed)
    }

    /// Signs the record at `place` if there is a `signer` and no signature, else verifies it; whether the record exists.
    pub(super) async fn sign_one<T: Serialize + DeserializeOwned>(
        &self,
        signer: Option<&SigningKey>,
        place: &RecordPlace,
        ttl: Duration,
    ) -> Result<bool, AccountsError> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(entry) = self.ledger.read(&place.key).await? else { return Ok(false) };
            let Some(signer) = signer else {
                return self.open::<T>(place, &entry).await.map(|_| true);
            };
            let (record, signature) = signed::parsed::<T>(&entry.value)?;
            if signature.is_some() {
                // From an earlier attempt that was cut off.
                return signed::verified::<T>(&signer.verifying_key(), place, &entry.value).map(|_| true);
            }
            let value = signed::signed(signer, place, &record);
            if self.ledger.replace(&place.key, entry.revision, value, ttl).await?.is_some() {
                return Ok(true);
            }
        }
        Err(AccountsError::Busy)
    }
}
