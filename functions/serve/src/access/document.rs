//! Keys in one document of the model store, `access/keys.json`.
//!
//! A key that was made a moment ago works at once, because a key that is not known makes a function read the document
//! again; one that was revoked works for a minute at most, while the store can be read. While it cannot, keys that are
//! known go on working.

use amaas_wire::ApiKey;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::{KeyRecord, Keys, digest, now};
use crate::error::Error;
use crate::store::{Condition, Store, StoreError, keys_key};

/// Keys in a document of `store`.
pub struct KeyDocument {
    store: Store,
    known: Cache,
}

impl KeyDocument {
    /// Keys in the document of `store`, which is made when the first key is.
    pub fn new(store: Store) -> Self {
        let source = store.clone();
        let known = Cache::new(move || {
            let store = source.clone();
            async move {
                let (document, _) = Document::read(&store).await?;
                Ok(document.keys.into_iter().map(|record| (record.digest, record)).collect())
            }
        });
        Self { store, known }
    }

    /// Changes the document, again from the start where somebody else changed it meanwhile. Whether there was something
    /// to change.
    async fn change(&self, change: impl Fn(&mut Vec<KeyRecord>) -> bool + Send) -> Result<bool, StoreError> {
        let mut attempt = 1;
        loop {
            let (mut document, condition) = Document::read(&self.store).await?;
            if !change(&mut document.keys) {
                // After a conflict it may be our own change that is there: S3's client puts again where no answer came.
                return Ok(attempt > 1);
            }
            let json = serde_json::to_vec_pretty(&document).unwrap_or_default();
            match self.store.write(keys_key(), json.into(), condition).await {
                Err(StoreError::Conflict { .. }) if attempt < ATTEMPTS => attempt += 1,
                result => return result.map(|()| true),
            }
        }
    }
}

#[async_trait]
impl Keys for KeyDocument {
    async fn find(&self, key: &ApiKey) -> Result<KeyRecord, Error> {
        let found = self.known.find(&digest(key)).await;
        let record = found.map_err(|internal| Error::KeysUnavailable { internal })?.ok_or(Error::KeyUnknown)?;
        if record.expires.is_some_and(|expires| expires <= now()) {
            return Err(Error::KeyExpired);
        }
        Ok(record)
    }

    async fn insert(&self, record: KeyRecord) -> Result<(), StoreError> {
        self.change(|keys| {
            let is_new = keys.iter().all(|key| key.digest != record.digest);
            if is_new {
                keys.push(record.clone());
            }
            is_new
        })
        .await?;
        Ok(())
    }

    async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        self.change(|keys| {
            let before = keys.len();
            keys.retain(|record| record.id != id);
            keys.len() < before
        })
        .await
    }

    async fn list(&self) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(Document::read(&self.store).await?.0.keys)
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Document {
    keys: Vec<KeyRecord>,
}

impl Document {
    /// The document of `store`, an empty one where there is none, and when it may be replaced.
    async fn read(store: &Store) -> Result<(Self, Condition), StoreError> {
        match store.read(keys_key()).await {
            Err(error) if error.is_not_found() => Ok((Self::default(), Condition::Absent)),
            Err(error) => Err(error),
            Ok(object) => match serde_json::from_slice(&object.bytes) {
                Ok(document) => Ok((document, Condition::Unchanged(object.tag))),
                Err(error) => Err(StoreError::Denied {
                    store: store.to_string(),
                    key: keys_key().to_owned(),
                    cause: format!("not a list of keys: {error}"),
                }),
            },
        }
    }
}

/// How often a change is tried before somebody hears that others were always faster.
const ATTEMPTS: u32 = 5;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::cache::FRESH;
    use super::*;

    fn keys(folder: &tempfile::TempDir) -> KeyDocument {
        KeyDocument::new(Store::folder(folder.path()))
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_found_and_revoked() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (function, cli) = (keys(&folder), keys(&folder));
        let key = ApiKey::generate("test").expect("random");
        assert!(matches!(function.find(&key).await, Err(Error::KeyUnknown)));
        let record = KeyRecord::new(&key, "acme", 0);
        cli.insert(record.clone()).await.expect("inserted");
        // A paused clock stands still, where a real one never does.
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(function.find(&key).await.expect("known at once"), record);

        assert!(cli.revoke(&record.id).await.expect("revoked"));
        assert!(!cli.revoke(&record.id).await.expect("there is none any more"));
        assert!(function.find(&key).await.is_ok(), "cached");
        tokio::time::advance(FRESH + Duration::from_millis(1)).await;
        assert!(matches!(function.find(&key).await, Err(Error::KeyUnknown)));
    }

    #[tokio::test(start_paused = true)]
    async fn known_keys_survive_the_store() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = keys(&folder);
        let key = ApiKey::generate("test").expect("random");
        keys.insert(KeyRecord::new(&key, "acme", 0)).await.expect("inserted");
        keys.find(&key).await.expect("known");
        std::fs::write(folder.path().join(keys_key()), "broken").expect("written");
        tokio::time::advance(FRESH * 2).await;
        assert!(keys.find(&key).await.is_ok());
        let other = ApiKey::generate("test").expect("random");
        assert!(matches!(keys.find(&other).await, Err(Error::KeysUnavailable { .. })));
    }

    #[tokio::test]
    async fn the_same_record_is_kept_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = keys(&folder);
        let record = KeyRecord::new(&ApiKey::generate("test").expect("random"), "acme", 0);
        for _ in 0..2 {
            keys.insert(record.clone()).await.expect("inserted");
        }
        assert_eq!(keys.list().await.expect("listed"), [record]);
    }

    #[tokio::test]
    async fn a_change_does_not_conflict_for_ever() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = keys(&folder);
        let tries = std::sync::atomic::AtomicU32::new(0);
        // Each try finds that another program wrote the document since it was read.
        let result = keys
            .change(|records| {
                let count = tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let path = folder.path().join(keys_key());
                std::fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
                std::fs::write(path, format!("{}{{\"keys\":[]}}", " ".repeat(count as usize))).expect("written");
                records.push(KeyRecord::new(&ApiKey::generate("test").expect("random"), "acme", 0));
                true
            })
            .await;
        assert!(matches!(result, Err(StoreError::Conflict { .. })), "{result:?}");
        assert_eq!(tries.into_inner(), ATTEMPTS);
    }

    #[tokio::test]
    async fn expired_keys_are_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = keys(&folder);
        let key = ApiKey::generate("test").expect("random");
        let record = KeyRecord { expires: Some(1), ..KeyRecord::new(&key, "acme", 0) };
        keys.insert(record).await.expect("inserted");
        assert!(matches!(keys.find(&key).await, Err(Error::KeyExpired)));
    }

    #[tokio::test]
    async fn what_is_stored_is_not_the_key() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = ApiKey::generate("test").expect("random");
        keys(&folder).insert(KeyRecord::new(&key, "acme", 0)).await.expect("inserted");
        let document = std::fs::read_to_string(folder.path().join(keys_key())).expect("written");
        assert!(!document.contains(&key.expose()[12..24]));
    }
}
