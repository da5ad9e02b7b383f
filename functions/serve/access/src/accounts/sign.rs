//! Ledgers of versions that signed nothing: their records are signed once.

use std::time::Duration;

use amaas_wire::dsse::SigningKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ATTEMPTS, Accounts, PRICES, REMEMBERED, TENANTS, key_place, notes, price_place, tenant_place};
use crate::error::AccountsError;
use crate::key::KeyRecord;
use crate::price::Price;
use crate::signed;
use crate::signed::Place;
use crate::tenant::{Tenant, TenantName};
use amaas_ledger::FOREVER;
use amaas_store::ModelName;

/// What was signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the counts are what their names say
pub struct SignedRecords {
    pub tenants: usize,
    pub keys: usize,
    pub prices: usize,
}

impl Accounts {
    /// Signs the tenants, keys and prices of a ledger of a version that signed nothing, as they stand there; whoever has it done compares
    /// them. Functions of that version go on taking them. Where everything is signed already, it is only verified.
    ///
    /// # Errors
    /// [`AccountsError::Forged`] where a record does not hold, or when ledger or vault fail or refuse.
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
            signed.prices += usize::from(self.sign_one::<Price>(drawn, &price_place(&model), FOREVER).await?);
        }
        for listed in amaas_ledger::all(&*self.ledger, TENANTS).await? {
            let Ok(name) = listed.sort.parse::<TenantName>() else { continue };
            signed.tenants += usize::from(self.sign_one::<Tenant>(drawn, &tenant_place(&name), FOREVER).await?);
            for listed in amaas_ledger::all(&*self.ledger, &notes(&name)).await? {
                let Ok(id) = listed.sort.parse() else { continue };
                let place = key_place(&id);
                let Some(entry) = self.ledger.read(&place.key).await? else { continue };
                let (record, _) = signed::parsed::<KeyRecord>(&entry.value)?;
                let lives = if record.revoked.is_some() { REMEMBERED } else { FOREVER };
                signed.keys += usize::from(self.sign_one::<KeyRecord>(drawn, &place, lives).await?);
            }
        }
        // Last, since nothing is taken from then on that is not signed.
        if let Some(signer) = drawn {
            self.authority.publish(signer).await?;
        }
        Ok(signed)
    }

    /// Signs the record at `place` where `signer` is there and it has no signature, and verifies it where not; whether it is there.
    pub(super) async fn sign_one<T: Serialize + DeserializeOwned>(
        &self,
        signer: Option<&SigningKey>,
        place: &Place,
        lives: Duration,
    ) -> Result<bool, AccountsError> {
        for _ in 0..ATTEMPTS {
            let Some(entry) = self.ledger.read(&place.key).await? else { return Ok(false) };
            let Some(signer) = signer else {
                return self.open::<T>(place, &entry).await.map(|_| true);
            };
            let (record, signature) = signed::parsed::<T>(&entry.value)?;
            if signature.is_some() {
                // Of an earlier attempt that did not come to its end.
                return signed::verified::<T>(&signer.verifying_key(), place, &entry.value).map(|_| true);
            }
            let value = signed::signed(signer, place, &record);
            if self.ledger.replace(&place.key, entry.revision, value, lives).await?.is_some() {
                return Ok(true);
            }
        }
        Err(AccountsError::Busy)
    }
}
