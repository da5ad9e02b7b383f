//! Removes a model, versions or an alias from a store: aliases first, so that no function begins to load a removed version.
//!
//! Invariant: the name of a removed version is never reused. Functions identify loaded versions by name, and receipts name them.
//!
//! Blobs stay, because another version may share them, and a function may be reading them. [`prune`](super::prune) deletes old
//! ones.

use bytes::Bytes;

use super::PublishError;
use super::catalogue::{ListedVersion, aliases, versions};
use amaas_store::{Alias, ModelName, Store, Version, WriteCondition, alias_key, manifest_key, removed_key};

/// The part of a model to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalTarget {
    /// The whole model: every alias and every version.
    Model,
    /// These versions; no alias may point to them.
    Versions(Vec<Version>),
    /// This alias; the version that it points to stays.
    Alias(Alias),
}

/// The removed aliases and versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovalReport {
    /// Aliases.
    pub aliases: Vec<Alias>,
    /// Versions.
    pub versions: Vec<Version>,
}

/// Removes `what` of `model` from `store`. With `dry_run`, it only reports what it would remove.
///
/// # Errors
/// [`PublishError::NoModel`], [`PublishError::NoVersion`] or [`PublishError::NoAlias`] if it does not exist, and
/// [`PublishError::Pointed`] if an alias points to one of the versions. Then nothing was removed.
pub async fn remove(
    store: &Store,
    model: &ModelName,
    what: &RemovalTarget,
    dry_run: bool,
) -> Result<RemovalReport, PublishError> {
    let removed = select(store, model, what).await?;
    if dry_run {
        return Ok(removed);
    }
    for alias in &removed.aliases {
        store.delete(&alias_key(model, alias)).await?;
    }
    for version in &removed.versions {
        store.write(&removed_key(model, version), Bytes::from_static(b"{}\n"), WriteCondition::Any).await?;
        store.delete(&manifest_key(model, version)).await?;
    }
    Ok(removed)
}

async fn select(store: &Store, model: &ModelName, what: &RemovalTarget) -> Result<RemovalReport, PublishError> {
    let (versions, aliases) = (versions(store, model).await?, aliases(store, model).await?);
    if versions.is_empty() && aliases.is_empty() {
        return Err(PublishError::NoModel { model: model.to_string() });
    }
    let all = |aliases: Vec<(Alias, _)>| aliases.into_iter().map(|(alias, _)| alias).collect();
    match what {
        RemovalTarget::Model => {
            let versions = versions.into_iter().map(|listed| listed.version).collect();
            Ok(RemovalReport { aliases: all(aliases), versions })
        }
        RemovalTarget::Alias(alias) => {
            if aliases.iter().any(|(known, _)| known == alias) {
                return Ok(RemovalReport { aliases: vec![alias.clone()], versions: Vec::new() });
            }
            Err(PublishError::NoAlias { model: model.to_string(), alias: alias.to_string() })
        }
        RemovalTarget::Versions(chosen) => {
            for version in chosen {
                match versions.iter().find(|listed| listed.version == *version) {
                    None => {
                        return Err(PublishError::NoVersion { model: model.to_string(), version: version.to_string() });
                    }
                    Some(ListedVersion { aliases, .. }) if !aliases.is_empty() => {
                        let aliases = aliases.iter().map(Alias::to_string).collect::<Vec<_>>().join(", ");
                        let (model, version) = (model.to_string(), version.to_string());
                        return Err(PublishError::Pointed { model, version, aliases });
                    }
                    Some(_) => {}
                }
            }
            Ok(RemovalReport { aliases: Vec::new(), versions: chosen.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use amaas_wire::dsse::SigningKey;

    use super::*;
    use crate::manifest::Manifest;
    use crate::publish::set_alias;

    #[tokio::test]
    async fn what_is_pointed_to_stays_unless_the_model_goes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (store, signer) = (Store::folder(folder.path()), SigningKey::from_bytes(&[1; 32]));
        let model: ModelName = "m".parse().expect("a name");
        let version = |number: &str| number.parse::<Version>().expect("a version");
        let alias = |name: &str| name.parse::<Alias>().expect("an alias");
        for number in ["1", "2", "10"] {
            let manifest = Manifest { version: version(number), ..Manifest::bare() };
            let key = manifest_key(&model, &manifest.version);
            store.write(&key, manifest.sign(&signer).into(), WriteCondition::Absent).await.expect("written");
        }
        for (name, to) in [("live", "10"), ("next", "10"), ("old", "1")] {
            set_alias(&store, (&model, &alias(name)), &version(to), &signer).await.expect("pointed");
        }
        let remove = async |what: &RemovalTarget, dry_run: bool| remove(&store, &model, what, dry_run).await;
        for (what, refusal) in [
            (
                RemovalTarget::Versions(vec![version("2"), version("10")]),
                "version 10 of model m is what its aliases point to: live, next",
            ),
            (RemovalTarget::Versions(vec![version("2"), version("3")]), "model m has no version 3"),
            (RemovalTarget::Alias(alias("LIVE")), "model m has no alias LIVE"),
        ] {
            assert_eq!(remove(&what, false).await.expect_err("refused").to_string(), refusal);
        }
        assert_eq!(versions(&store, &model).await.expect("listed").len(), 3, "a refusal removes nothing");

        let old = RemovalReport { aliases: vec![alias("old")], versions: Vec::new() };
        assert_eq!(remove(&RemovalTarget::Alias(alias("old")), false).await.expect("removed"), old);
        let two = RemovalReport { aliases: Vec::new(), versions: vec![version("1"), version("2")] };
        let what = RemovalTarget::Versions(two.versions.clone());
        assert_eq!(remove(&what, true).await.expect("said"), two);
        assert_eq!(remove(&what, false).await.expect("removed"), two);
        let rest = RemovalReport { aliases: vec![alias("live"), alias("next")], versions: vec![version("10")] };
        assert_eq!(remove(&RemovalTarget::Model, false).await.expect("removed"), rest);
        assert_eq!(store.list("models/m/aliases/").await.expect("listed"), Vec::<String>::new());
    }
}
