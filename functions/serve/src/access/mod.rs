//! Who may call. Keys stand behind [`Keys`], the first part of what the ledger will be; the one implementation for now
//! is a document in the model store.

mod cache;
mod document;

use std::collections::BTreeSet;
use std::time::SystemTime;

use amaas_wire::ApiKey;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::document::KeyDocument;
use crate::digest::Digest;
use crate::error::Error;
use crate::store::{ModelName, StoreError};

/// Where keys are kept.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The record of `key`.
    ///
    /// # Errors
    /// [`Error::KeyUnknown`], [`Error::KeyExpired`], or [`Error::KeysUnavailable`].
    async fn find(&self, key: &ApiKey) -> Result<KeyRecord, Error>;

    /// Adds a record.
    ///
    /// # Errors
    /// When the list cannot be read or written.
    async fn insert(&self, record: KeyRecord) -> Result<(), StoreError>;

    /// Removes the record with this id; whether there was one.
    ///
    /// # Errors
    /// When the list cannot be read or written.
    async fn revoke(&self, id: &str) -> Result<bool, StoreError>;

    /// Every record.
    ///
    /// # Errors
    /// When the list cannot be read.
    async fn list(&self) -> Result<Vec<KeyRecord>, StoreError>;
}

/// What is kept of a key: not the key, which is shown once, when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Names the key where the key itself must not stand; the first digits of its digest.
    pub id: String,
    /// SHA-256 of the key, which has 178 random bits, so that no search can find it from the digest.
    pub digest: Digest,
    /// Whose key it is.
    pub tenant: String,
    /// When it was made, in seconds since 1970 (UTC).
    pub created: u64,
    /// From when on it is refused, in seconds since 1970 (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// The models that it may use; all of them where not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<BTreeSet<ModelName>>,
}

impl KeyRecord {
    /// The record of a new key.
    pub fn new(key: &ApiKey, tenant: impl Into<String>, created: u64) -> Self {
        let digest = digest(key);
        let id = digest.to_string()[..12].to_owned();
        Self { id, digest, tenant: tenant.into(), created, expires: None, models: None }
    }
}

/// Seconds since 1970 (UTC), as records count time.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn digest(key: &ApiKey) -> Digest {
    Digest::of(key.expose().as_bytes())
}
