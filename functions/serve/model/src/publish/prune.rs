//! Garbage-collects blobs that no manifest refers to, from removed versions and aborted publishes.
//!
//! Invariant: it lists blobs first, then publishes in progress ([`InProgress`]), then reads manifests. If a manifest cannot be
//! read, or refers to a missing blob, nothing is deleted.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::PublishError;
use super::catalogue::{payload, read};
use super::in_progress::InProgress;
use super::upload::missing_blob;
use crate::manifest::{FORMAT, Manifest};
use amaas_store::{ObjectStat, Store};

/// A number of blobs, and their total size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlobTotals {
    /// The number of blobs.
    pub count: u64,
    /// Their total size in bytes.
    pub bytes: u64,
}

/// The outcome of pruning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// Deleted, or, in a dry run, to be deleted.
    pub deleted: BlobTotals,
    /// Kept although no manifest refers to them, because they are too young.
    pub young: BlobTotals,
    /// Kept because manifests refer to them.
    pub referenced: BlobTotals,
}

/// Deletes the blobs of `store` that no manifest or publish in progress refers to and that are at least `older_than` old.
/// With `dry_run`, it only counts them.
///
/// # Errors
/// [`PublishError::UnknownReferences`] or [`PublishError::DanglingReference`] if a manifest cannot be read or is damaged.
/// Signatures are not checked, so manifests of every publisher count.
pub async fn prune(store: &Store, older_than: Duration, dry_run: bool) -> Result<PruneReport, PublishError> {
    let (blobs, now) = (store.objects(BLOB_PREFIX).await?, SystemTime::now());
    let (begun, mut delete) = InProgress::since(store, now).await?;
    let references = references(store).await?;
    let mut pruned = PruneReport::default();
    for (key, stat) in blobs {
        // If the local clock is behind the store's, a blob looks younger, and is kept.
        let age = now.duration_since(stat.modified).unwrap_or_default();
        if key.strip_prefix(BLOB_PREFIX).is_some_and(|name| references.contains(name)) {
            pruned.referenced.add(stat);
        } else if age < older_than || begun.is_some_and(|begun| stat.modified >= begun) {
            pruned.young.add(stat);
        } else {
            pruned.deleted.add(stat);
            delete.push(key);
        }
    }
    if !dry_run {
        let deletions = delete.iter().map(|key| store.delete(key));
        stream::iter(deletions).buffer_unordered(MAX_DELETES).try_collect::<()>().await?;
    }
    Ok(pruned)
}

impl BlobTotals {
    fn add(&mut self, stat: ObjectStat) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(stat.size);
    }
}

/// The digests of all blobs that the manifests of `store` refer to.
async fn references(store: &Store) -> Result<HashSet<String>, PublishError> {
    let mut references = HashSet::new();
    for model in store.list("models/").await? {
        for version in store.list(&format!("models/{model}/")).await? {
            let key = format!("models/{model}/{version}/manifest.json");
            let Some(document) = read(store, &key).await? else { continue };
            let unknown = || PublishError::UnknownReferences { key: key.clone() };
            let payload = payload(&document).ok_or_else(unknown)?;
            let value: Value = serde_json::from_slice(&payload).map_err(|_| unknown())?;
            match value.get("format").and_then(Value::as_str) {
                None => return Err(unknown()),
                Some(FORMAT) => {
                    let manifest = Manifest::from_json(&payload).map_err(|_| unknown())?;
                    if let Some(blob) = missing_blob(store, &manifest).await? {
                        return Err(PublishError::DanglingReference { key, blob });
                    }
                }
                Some(_) => {}
            }
            collect_digests(&value, &mut references);
        }
    }
    Ok(references)
}

/// Collects every string of `value` with the length of a digest, so that manifests of later formats are understood too.
fn collect_digests(value: &Value, into: &mut HashSet<String>) {
    match value {
        Value::String(text) if text.len() == DIGEST_CHARS => {
            into.insert(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| collect_digests(value, into)),
        Value::Object(members) => members.values().for_each(|value| collect_digests(value, into)),
        _ => {}
    }
}

const BLOB_PREFIX: &str = "blobs/sha256/";
/// The length of a hexadecimal digest.
const DIGEST_CHARS: usize = 64;
const MAX_DELETES: usize = 8;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use amaas_wire::dsse::SigningKey;

    use super::*;
    use crate::manifest::Blob;
    use crate::publish::{RemovalTarget, is_removed, remove, versions};
    use amaas_store::{ModelName, WriteCondition, blob_key, manifest_key};
    use amaas_wire::Digest;

    const DAY: Duration = Duration::from_hours(24);

    #[tokio::test]
    async fn only_old_blobs_to_which_no_manifest_refers_are_deleted() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        publish(&store, "1", b"one", b"shared").await;
        publish(&store, "2", b"two", b"shared").await;
        write(&store, b"killed").await;
        std::fs::write(folder.path().join("blobs/sha256/half.partial-1"), "half").expect("written");
        let count = |blobs: BlobTotals| (blobs.count, blobs.bytes);

        let pruned = prune(&store, DAY, false).await.expect("pruned");
        assert_eq!([count(pruned.deleted), count(pruned.young), count(pruned.referenced)], [(0, 0), (2, 10), (3, 12)]);
        age(folder.path());
        let dry = prune(&store, DAY, true).await.expect("pruned");
        assert_eq!([count(dry.deleted), count(dry.young), count(dry.referenced)], [(2, 10), (0, 0), (3, 12)]);
        assert_eq!(prune(&store, DAY, false).await.expect("pruned"), dry);
        assert_eq!(prune(&store, DAY, false).await.expect("pruned").deleted, BlobTotals::default());

        let model: ModelName = "m".parse().expect("a name");
        let first = RemovalTarget::Versions(vec!["1".parse().expect("a version")]);
        remove(&store, &model, &first, false).await.expect("removed");
        assert_eq!(count(prune(&store, DAY, false).await.expect("pruned").deleted), (1, 3));
        assert_eq!(
            blobs(&store).await,
            [Digest::of(b"two"), Digest::of(b"shared")].map(|digest| blob_key(&digest)).into()
        );
        let listed = versions(&store, &model).await.expect("listed");
        assert_eq!(listed.iter().map(|listed| listed.version.as_str()).collect::<Vec<_>>(), ["2"]);

        assert!(!is_removed(&store, &model).await.expect("asked"));
        remove(&store, &model, &RemovalTarget::Model, false).await.expect("removed");
        assert!(is_removed(&store, &model).await.expect("asked"));
        prune(&store, DAY, false).await.expect("pruned");
        assert_eq!(blobs(&store).await, HashSet::new());
        let error = remove(&store, &model, &RemovalTarget::Model, false).await.expect_err("there is nothing");
        assert_eq!(error.to_string(), "the store has no model m");
    }

    #[tokio::test]
    async fn nothing_is_deleted_where_a_manifest_cannot_be_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        publish(&store, "1", b"one", b"shared").await;
        age(folder.path());
        // A manifest of a later format is read for its digests.
        let digest = Digest::of(b"one").to_string();
        let later = serde_json::json!({ "format": "later", "parts": [{ "digest": digest }] }).to_string();
        let envelope = |payload: &[u8]| {
            use base64::Engine;
            let payload = base64::prelude::BASE64_STANDARD.encode(payload);
            serde_json::json!({ "payload": payload, "payloadType": "later", "signatures": [] }).to_string()
        };
        let path = folder.path().join("models/m/1/manifest.json");
        std::fs::write(&path, envelope(later.as_bytes())).expect("written");
        assert_eq!(prune(&store, DAY, true).await.expect("pruned").referenced.count, 1);
        let no_manifest =
            [envelope(b"no JSON"), envelope(b"{}"), envelope(format!(r#"{{"format":"{FORMAT}"}}"#).as_bytes())];
        for damaged in no_manifest.into_iter().chain([String::new(), "{}".to_owned(), "\0".repeat(100)]) {
            std::fs::write(&path, &damaged).expect("written");
            let error = prune(&store, DAY, false).await.expect_err(&damaged);
            assert!(error.to_string().starts_with("models/m/1/manifest.json cannot be read"), "{error}");
            assert_eq!(blobs(&store).await.len(), 2);
        }
    }

    #[tokio::test]
    async fn nothing_is_deleted_where_a_manifest_refers_to_what_is_not_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        publish(&store, "1", b"one", b"shared").await;
        age(folder.path());
        // One altered digit of a digest; pruning does not verify signatures.
        let path = folder.path().join("models/m/1/manifest.json");
        let signed = payload(&std::fs::read(&path).expect("there")).expect("signed");
        let digest = Digest::of(b"one").to_string();
        let other = digest.replacen(&digest[..1], if digest.starts_with('0') { "1" } else { "0" }, 1);
        let altered = String::from_utf8(signed).expect("JSON").replace(&digest, &other);
        let envelope = amaas_wire::dsse::Envelope::sign("", altered.into_bytes(), &[&SigningKey::from_bytes(&[1; 32])]);
        std::fs::write(&path, envelope.to_json()).expect("written");
        let error = prune(&store, DAY, false).await.expect_err("altered").to_string();
        assert!(error.contains(&format!("refers to blobs/sha256/{other}, which is not in the store")), "{error}");
        assert_eq!(blobs(&store).await.len(), 2);
    }

    #[tokio::test]
    async fn blobs_of_a_publish_that_is_under_way_are_kept_whatever_their_age() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        write(&store, b"left").await;
        age(folder.path());
        let publishing = InProgress::record_while(&store, async {
            write(&store, b"one").await;
            let pruned = prune(&store, Duration::ZERO, false).await.expect("pruned");
            assert_eq!([pruned.deleted.count, pruned.young.count], [1, 1]);
            Ok(())
        });
        Box::pin(publishing).await.expect("published");
        assert_eq!(prune(&store, Duration::ZERO, false).await.expect("pruned").deleted.count, 1, "it came to nothing");

        // The marker of a killed publish counts for a day.
        write(&store, b"one").await;
        store.write("uploads/1", "{}".into(), WriteCondition::Any).await.expect("written");
        for (hours, deleted) in [(23, 0), (25, 1)] {
            let file = std::fs::File::options().write(true).open(folder.path().join("uploads/1")).expect("opened");
            file.set_modified(SystemTime::now() - Duration::from_hours(hours)).expect("set");
            assert_eq!(prune(&store, Duration::ZERO, true).await.expect("pruned").deleted.count, deleted, "{hours} h");
        }
        prune(&store, Duration::ZERO, false).await.expect("pruned");
        assert_eq!(store.list("uploads/").await.expect("listed"), Vec::<String>::new());
    }

    async fn publish(store: &Store, version: &str, network: &'static [u8], asset: &'static [u8]) {
        let assets = BTreeMap::from([("words.txt".to_owned(), Blob::of(asset))]);
        let manifest = Manifest {
            version: version.parse().expect("a version"),
            network: Blob::of(network),
            assets,
            ..Manifest::bare()
        };
        for bytes in [network, asset] {
            write(store, bytes).await;
        }
        let key = manifest_key(&manifest.model, &manifest.version);
        let document = manifest.sign(&SigningKey::from_bytes(&[1; 32]));
        store.write(&key, document.into(), WriteCondition::Absent).await.expect("written");
    }

    async fn write(store: &Store, bytes: &'static [u8]) {
        store.write(&blob_key(&Digest::of(bytes)), bytes.into(), WriteCondition::Any).await.expect("written");
    }

    async fn blobs(store: &Store) -> HashSet<String> {
        store.objects(BLOB_PREFIX).await.expect("listed").into_iter().map(|(key, _)| key).collect()
    }

    /// Makes every blob two days old.
    fn age(store: &Path) {
        for entry in std::fs::read_dir(store.join(BLOB_PREFIX)).expect("blobs") {
            let file = std::fs::File::options().write(true).open(entry.expect("listed").path()).expect("opened");
            file.set_modified(SystemTime::now() - 2 * DAY).expect("set");
        }
    }
}
