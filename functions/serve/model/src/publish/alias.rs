//! Sets aliases: writes a signed pointer with a higher serial, on condition that the previous pointer is unchanged
//! (compare-and-swap).

use std::time::SystemTime;

use amaas_wire::dsse::SigningKey;

use super::catalogue::{pointed_version, versions};
use super::{AliasMove, PublishError};
use crate::alias_pointer::AliasPointer;
use amaas_store::{Alias, ModelName, Store, StoreError, Version, WriteCondition, alias_key, manifest_key};

pub(super) async fn set_alias(
    store: &Store,
    (model, alias): (&ModelName, &Alias),
    version: &Version,
    signer: &SigningKey,
) -> Result<AliasMove, PublishError> {
    if store.size(&manifest_key(model, version)).await?.is_none() {
        let (is_there, model) = (!versions(store, model).await?.is_empty(), model.to_string());
        return Err(if is_there {
            PublishError::NoVersion { model, version: version.to_string() }
        } else {
            PublishError::NoModel { model }
        });
    }
    move_alias(store, (model, alias), version, signer).await
}

pub(super) async fn sign_aliases(store: &Store, signer: &SigningKey) -> Result<(), PublishError> {
    for model in store.list("models/").await? {
        let Ok(model) = model.parse::<ModelName>() else { continue };
        for alias in store.list(&format!("models/{model}/aliases/")).await? {
            let Ok(alias) = alias.parse::<Alias>() else { continue };
            let bare = store.read(&alias_key(&model, &alias)).await?.bytes;
            let Ok(version) = String::from_utf8_lossy(&bare).trim().parse() else { continue };
            match set_alias(store, (&model, &alias), &version, signer).await {
                // A dangling alias serves nothing, signed or not.
                Ok(_) | Err(PublishError::NoVersion { .. } | PublishError::NoModel { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Points `alias` of `model` to `version`, with retries on conflict.
pub(super) async fn move_alias(
    store: &Store,
    (model, alias): (&ModelName, &Alias),
    version: &Version,
    signer: &SigningKey,
) -> Result<AliasMove, PublishError> {
    let key = alias_key(model, alias);
    for _ in 0..MAX_ATTEMPTS {
        let (condition, before, moved) = match store.read(&key).await {
            Ok(object) => {
                let before = AliasPointer::verify(&object.bytes, (model, alias), &[signer.verifying_key()]).ok();
                if before.as_ref().is_some_and(|before| before.version == *version) {
                    return Ok(AliasMove::Unchanged);
                }
                (
                    WriteCondition::Unchanged(object.tag),
                    before,
                    AliasMove::Moved { from: pointed_version(&object.bytes) },
                )
            }
            Err(error) if error.is_not_found() => {
                refuse_near(store, model, alias).await?;
                (WriteCondition::Absent, None, AliasMove::Made)
            }
            Err(error) => return Err(error.into()),
        };
        // Milliseconds, so that serials of several publishers, who cannot verify one another's pointers, are ordered too.
        let serial = milliseconds().max(before.map_or(0, |before| before.serial.saturating_add(1)));
        let pointer = AliasPointer { model: model.clone(), alias: alias.clone(), version: version.clone(), serial };
        match store.write(&key, pointer.sign(signer).into(), condition).await {
            Ok(()) => return Ok(moved),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(PublishError::Contended { model: model.to_string() })
}

/// Refuses a new alias that differs from an existing one in upper and lower case only: it is probably a typo.
pub(super) async fn refuse_near(store: &Store, model: &ModelName, alias: &Alias) -> Result<(), PublishError> {
    let aliases = store.list(&format!("models/{model}/aliases/")).await?;
    if aliases.iter().any(|there| there == alias.as_str()) {
        return Ok(());
    }
    match aliases.into_iter().find(|there| there.eq_ignore_ascii_case(alias.as_str())) {
        Some(there) => Err(PublishError::AliasCase { model: model.to_string(), alias: alias.to_string(), there }),
        None => Ok(()),
    }
}

/// Milliseconds since 1970.
fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}

const MAX_ATTEMPTS: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    #[tokio::test]
    async fn an_alias_says_where_it_pointed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (store, signer) = (Store::folder(folder.path()), SigningKey::from_bytes(&[1; 32]));
        let model: ModelName = "m".parse().expect("a name");
        let version = |number: &str| number.parse::<Version>().expect("a version");
        let alias = |name: &str| name.parse::<Alias>().expect("an alias");
        let set_alias =
            async |name: &str, to: &str| set_alias(&store, (&model, &alias(name)), &version(to), &signer).await;

        let error = set_alias("live", "1").await.expect_err("there is nothing");
        assert_eq!(error.to_string(), "the store has no model m");
        for number in ["1", "2"] {
            let manifest = Manifest { version: version(number), ..Manifest::bare() };
            let key = manifest_key(&model, &manifest.version);
            store.write(&key, manifest.sign(&signer).into(), WriteCondition::Absent).await.expect("written");
        }
        assert_eq!(set_alias("live", "1").await.expect("pointed"), AliasMove::Made);
        assert_eq!(set_alias("live", "1").await.expect("pointed"), AliasMove::Unchanged);
        assert_eq!(set_alias("live", "2").await.expect("pointed"), AliasMove::Moved { from: Some(version("1")) });
        let error = set_alias("live", "3").await.expect_err("there is no such version");
        assert_eq!(error.to_string(), "model m has no version 3");
        let error = set_alias("LIVE", "1").await.expect_err("live was meant");
        assert!(error.to_string().starts_with("model m has no alias LIVE, but has live"), "{error}");
        // Plain text of an earlier version of amaas, and a document that is not a pointer.
        for (bare, from) in [("1", Some(version("1"))), ("?", None)] {
            store.write(&alias_key(&model, &alias("live")), bare.into(), WriteCondition::Any).await.expect("written");
            assert_eq!(set_alias("live", "1").await.expect("pointed"), AliasMove::Moved { from });
        }
    }
}
