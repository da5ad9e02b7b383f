//! The API key that `dev` writes for the commands beside it.

use std::path::Path;

use amaas::ApiKey;
use amaas_access::{Accounts, AccountsError, KeyId, KeyTerms, TenantName, now};

use super::env_file;
use super::error::DevError;

/// The key of an earlier `dev` if it is still valid, or a new one.
pub(super) async fn key(accounts: &Accounts, data: &Path) -> Result<ApiKey, DevError> {
    if let Some(key) = env_file::earlier_key(data)
        && let Some(record) = accounts.key(&KeyId::of(&key)).await?
        && record.is_live(now())
    {
        return Ok(key);
    }
    let key = ApiKey::generate(NAME).map_err(DevError::other)?;
    let tenant: TenantName = NAME.parse().map_err(DevError::other)?;
    make_room(accounts, &tenant).await?;
    accounts.add_key(&key, KeyTerms { name: NAME.to_owned(), ..KeyTerms::of(tenant) }).await?;
    Ok(key)
}

/// Revokes keys whose text was lost with its file. The newest one stays: other commands may still have it.
async fn make_room(accounts: &Accounts, tenant: &TenantName) -> Result<(), AccountsError> {
    let records = accounts.keys_of(tenant).await?;
    let live = records.iter().filter(|record| record.name == NAME && record.is_live(now()));
    for lost in live.rev().skip(1) {
        accounts.revoke(&lost.id).await?;
    }
    Ok(())
}

/// Of the tenant, of the key and of the key's environment.
const NAME: &str = "dev";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_that_were_lost_make_room() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let accounts = Accounts::in_memory().expect("random");
        let mut made = Vec::new();
        for _ in 0..4 {
            made.push(KeyId::of(&key(&accounts, folder.path()).await.expect("a key")));
        }
        let records = accounts.keys_of(&NAME.parse().expect("a name")).await.expect("listed");
        let mut live: Vec<_> = records.iter().filter(|record| record.is_live(now())).map(|record| &record.id).collect();
        live.sort();
        assert_eq!((records.len(), live.len()), (4, 2));
        assert!(live.contains(&&made[3]), "the one that was made last");
    }

    #[tokio::test]
    async fn a_key_is_taken_again_while_it_is_good() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let accounts = Accounts::in_memory().expect("random");
        let first = key(&accounts, folder.path()).await.expect("a key");
        std::fs::write(folder.path().join("env"), format!("AMAAS_API_KEY={}\n", first.expose())).expect("written");
        assert_eq!(key(&accounts, folder.path()).await.expect("a key"), first);
        accounts.revoke(&KeyId::of(&first)).await.expect("revoked");
        assert_ne!(key(&accounts, folder.path()).await.expect("a key"), first);
        let elsewhere = Accounts::in_memory().expect("random");
        assert_ne!(key(&elsewhere, folder.path()).await.expect("a key"), first, "another ledger does not know it");
    }
}
