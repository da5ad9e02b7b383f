//! Lists the versions and aliases of a model in a store, without verifying signatures: for listing, removing and pruning, never
//! for loading.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::manifest::Manifest;
use amaas_store::{Alias, ModelName, Store, StoreError, Version, alias_key, manifest_key, removed_key};

/// A version of a model in a store.
#[derive(Clone, Debug)]
pub struct ListedVersion {
    /// The version.
    pub version: Version,
    /// The aliases that point to it.
    pub aliases: Vec<Alias>,
    /// Its manifest, by any signer; `None` if it cannot be read.
    pub manifest: Option<Manifest>,
}

/// An alias that points to no version of its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrayAlias {
    /// Its name.
    pub alias: Alias,
    /// The version that it points to, which the store does not have; `None` if the pointer cannot be read.
    pub to: Option<Version>,
}

/// The aliases of `model` that point to no version of it.
///
/// # Errors
/// When the store cannot be reached.
pub async fn stray_aliases(store: &Store, model: &ModelName) -> Result<Vec<StrayAlias>, StoreError> {
    let mut stray = Vec::new();
    for (alias, to) in aliases(store, model).await? {
        let leads = match &to {
            Some(version) => store.size(&manifest_key(model, version)).await?.is_some(),
            None => false,
        };
        if !leads {
            stray.push(StrayAlias { alias, to });
        }
    }
    Ok(stray)
}

/// The versions of `model`, in the order of their numbers; other names come last.
///
/// # Errors
/// When the store cannot be reached.
pub async fn versions(store: &Store, model: &ModelName) -> Result<Vec<ListedVersion>, StoreError> {
    let aliases = aliases(store, model).await?;
    let mut versions = Vec::new();
    for name in store.list(&format!("models/{model}/")).await? {
        let Ok(version) = name.parse::<Version>() else { continue };
        let Some(document) = read(store, &manifest_key(model, &version)).await? else { continue };
        let manifest = payload(&document).and_then(|payload| Manifest::from_json(&payload).ok());
        let of_it = aliases.iter().filter(|(_, to)| to.as_ref() == Some(&version));
        let aliases = of_it.map(|(alias, _)| alias.clone()).collect();
        versions.push(ListedVersion { version, aliases, manifest });
    }
    versions.sort_by_cached_key(|listed| (number(&listed.version), listed.version.clone()));
    Ok(versions)
}

/// Whether every version of `model` was removed, so that only tombstones are left.
///
/// # Errors
/// When the store cannot be reached.
pub async fn is_removed(store: &Store, model: &ModelName) -> Result<bool, StoreError> {
    let mut removed = false;
    for name in store.list(&format!("models/{model}/")).await? {
        let Ok(version) = name.parse::<Version>() else { continue };
        if store.size(&manifest_key(model, &version)).await?.is_some() {
            return Ok(false);
        }
        removed |= store.size(&removed_key(model, &version)).await?.is_some();
    }
    Ok(removed)
}

/// The aliases of `model` with their versions; `None` if a pointer cannot be read.
pub(super) async fn aliases(store: &Store, model: &ModelName) -> Result<Vec<(Alias, Option<Version>)>, StoreError> {
    let mut aliases = Vec::new();
    for name in store.list(&format!("models/{model}/aliases/")).await? {
        let Ok(alias) = name.parse::<Alias>() else { continue };
        let Some(document) = read(store, &alias_key(model, &alias)).await? else { continue };
        aliases.push((alias, pointed_version(&document)));
    }
    Ok(aliases)
}

/// The version in a pointer, which is signed, or plain text of an earlier version of amaas.
pub(super) fn pointed_version(document: &[u8]) -> Option<Version> {
    let Some(payload) = payload(document) else { return std::str::from_utf8(document).ok()?.trim().parse().ok() };
    let pointer: Value = serde_json::from_slice(&payload).ok()?;
    pointer.get("version")?.as_str()?.parse().ok()
}

/// The signed payload of `document`, by any signer.
pub(super) fn payload(document: &[u8]) -> Option<Vec<u8>> {
    let envelope: Value = serde_json::from_slice(document).ok()?;
    BASE64_STANDARD.decode(envelope.get("payload")?.as_str()?).ok()
}

/// The object `key`; `None` if it does not exist.
pub(super) async fn read(store: &Store, key: &str) -> Result<Option<bytes::Bytes>, StoreError> {
    match store.read(key).await {
        Ok(object) => Ok(Some(object.bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The sort key of a version: its number; other names come last.
fn number(version: &Version) -> u64 {
    version.as_str().parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use amaas_wire::dsse::SigningKey;
    use bytes::Bytes;

    use super::*;
    use amaas_store::WriteCondition;

    #[tokio::test]
    async fn aliases_that_lead_to_no_version_are_told_apart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        let model: ModelName = "m".parse().expect("a name");
        let alias = |name: &str| name.parse::<Alias>().expect("an alias");
        let version = |number: &str| number.parse::<Version>().expect("a version");
        let manifest = Manifest { version: version("1"), ..Manifest::bare() };
        let signed = manifest.sign(&SigningKey::from_bytes(&[1; 32])).into();
        store.write(&manifest_key(&model, &version("1")), signed, WriteCondition::Absent).await.expect("written");
        for (name, pointer) in
            [("broken", &b"\x00\xff garbage"[..]), ("empty", b""), ("gone", b"7\n"), ("json", b"{}"), ("live", b"1\n")]
        {
            let pointer = Bytes::from_static(pointer);
            store.write(&alias_key(&model, &alias(name)), pointer, WriteCondition::Absent).await.expect("written");
        }
        let mut stray = stray_aliases(&store, &model).await.expect("listed");
        stray.sort_by(|one, other| one.alias.cmp(&other.alias));
        let expected = [("broken", None), ("empty", None), ("gone", Some("7")), ("json", None)];
        assert_eq!(stray, expected.map(|(name, to)| StrayAlias { alias: alias(name), to: to.map(version) }));
        assert_eq!(versions(&store, &model).await.expect("listed")[0].aliases, [alias("live")]);
    }
}
