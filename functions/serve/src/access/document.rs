//! Keys in one document of the model store, `access/keys.json`.
//!
//! Functions keep what they read for [`FRESH`]. A key that was made a moment ago works at once, because an unknown key
//! makes them read again; one that was revoked works until the time is up. While the store is down, keys that are known
//! go on working.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use amaas_wire::ApiKey;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

use super::{KeyRecord, Keys, digest};
use crate::digest::Digest;
use crate::error::Error;
use crate::store::{Condition, Store, StoreError, keys_key};

/// Keys in a document of `store`.
pub struct KeyDocument {
    store: Store,
    known: RwLock<Known>,
    /// Held while the document is read, so that many calls at once make one read; when and why the last one failed.
    reading: Mutex<Option<(Instant, String)>>,
}

#[derive(Default)]
struct Known {
    records: HashMap<Digest, KeyRecord>,
    read: Option<Instant>,
}

#[derive(Default, Serialize, Deserialize)]
struct Document {
    keys: Vec<KeyRecord>,
}

impl KeyDocument {
    /// Keys in the document of `store`, which is made when the first key is.
    pub fn new(store: Store) -> Self {
        Self { store, known: RwLock::default(), reading: Mutex::default() }
    }

    /// The record of the key with `digest`, and the age of what was read.
    async fn known(&self, digest: &Digest) -> (Option<KeyRecord>, Option<Duration>) {
        let known = self.known.read().await;
        (known.records.get(digest).cloned(), known.read.map(|read| read.elapsed()))
    }

    /// Reads the document again, unless that was done less than `older` ago, or failed a moment ago.
    async fn refresh(&self, older: Duration) -> Result<(), String> {
        let mut failed = self.reading.lock().await;
        if self.known.read().await.read.is_some_and(|read| read.elapsed() < older) {
            return Ok(());
        }
        if let Some((_, cause)) = failed.as_ref().filter(|(when, _)| when.elapsed() < PAUSE) {
            return Err(cause.clone());
        }
        match self.document().await {
            Ok((document, _)) => {
                let records = document.keys.into_iter().map(|record| (record.digest, record)).collect();
                *self.known.write().await = Known { records, read: Some(Instant::now()) };
                *failed = None;
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "the list of keys could not be read");
                *failed = Some((Instant::now(), error.to_string()));
                Err(error.to_string())
            }
        }
    }

    async fn document(&self) -> Result<(Document, Condition), StoreError> {
        match self.store.read(keys_key()).await {
            Err(error) if error.is_not_found() => Ok((Document::default(), Condition::Absent)),
            Err(error) => Err(error),
            Ok(object) => match serde_json::from_slice(&object.bytes) {
                Ok(document) => Ok((document, Condition::Unchanged(object.tag))),
                Err(error) => Err(StoreError::Denied {
                    store: self.store.to_string(),
                    key: keys_key().to_owned(),
                    cause: format!("not a list of keys: {error}"),
                }),
            },
        }
    }

    /// Changes the document, again from the start where somebody else changed it meanwhile.
    async fn change(&self, change: impl Fn(&mut Vec<KeyRecord>) -> bool + Send) -> Result<bool, StoreError> {
        loop {
            let (mut document, condition) = self.document().await?;
            if !change(&mut document.keys) {
                return Ok(false);
            }
            let json = serde_json::to_vec_pretty(&document).unwrap_or_default();
            match self.store.write(keys_key(), json.into(), condition).await {
                Err(StoreError::Conflict { .. }) => {}
                result => return result.map(|()| true),
            }
        }
    }
}

#[async_trait]
impl Keys for KeyDocument {
    async fn find(&self, key: &ApiKey) -> Result<KeyRecord, Error> {
        let digest = digest(key);
        let (mut record, age) = self.known(&digest).await;
        let older = if record.is_some() { FRESH } else { FLOOR };
        if record.is_none() {
            // Whoever has a wrong key waits, so that trying many does not flood the store.
            tokio::time::sleep(FLOOR.saturating_sub(age.unwrap_or(FLOOR))).await;
        }
        if record.is_none() || age.is_none_or(|age| age >= older) {
            match self.refresh(older).await {
                Ok(()) => record = self.known(&digest).await.0,
                Err(_) if record.is_some() => {}
                Err(internal) => return Err(Error::KeysUnavailable { internal }),
            }
        }
        let record = record.ok_or(Error::KeyUnknown)?;
        if record.expires.is_some_and(|expires| expires <= now()) {
            return Err(Error::KeyExpired);
        }
        Ok(record)
    }

    async fn insert(&self, record: KeyRecord) -> Result<(), StoreError> {
        self.change(|keys| {
            keys.push(record.clone());
            true
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
        Ok(self.document().await?.0.keys)
    }
}

/// Seconds since 1970 (UTC).
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// How long what was read is used: a revoked key works no longer than this.
const FRESH: Duration = Duration::from_mins(1);
/// How long a store that failed is left alone.
const PAUSE: Duration = Duration::from_secs(2);
/// How long an unknown key waits before it makes us read again.
const FLOOR: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
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
        assert_eq!(function.find(&key).await.expect("known at once"), record);

        assert!(cli.revoke(&record.id).await.expect("revoked"));
        assert!(!cli.revoke(&record.id).await.expect("there is none any more"));
        assert!(function.find(&key).await.is_ok(), "cached");
        tokio::time::advance(FRESH).await;
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
        tokio::time::advance(FRESH).await;
        assert!(keys.find(&key).await.is_ok());
        let other = ApiKey::generate("test").expect("random");
        assert!(matches!(keys.find(&other).await, Err(Error::KeysUnavailable { .. })));
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
