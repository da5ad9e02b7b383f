//! An object store: a prefix of an S3 bucket, or a local folder.

use bytes::{Bytes, BytesMut};

use crate::error::StoreError;
use crate::folder::FolderStore;
use crate::object::{ObjectStat, StoredObject, WriteCondition};
use crate::s3::{S3Options, S3Store};

/// An object store.
#[derive(Clone, Debug)]
pub enum Store {
    /// A prefix of an S3 bucket.
    S3(S3Location),
    /// A local folder.
    Folder(FolderLocation),
}

/// A prefix of an S3 bucket, with the client that reaches it.
#[derive(Clone, Debug)]
pub struct S3Location(S3Store);

/// A local folder.
#[derive(Clone, Debug)]
pub struct FolderLocation(FolderStore);

impl Store {
    /// Opens `uri`: `s3://bucket[/prefix]`, or the path of a folder (with or without `file://`).
    ///
    /// Nothing is contacted yet, except what the AWS SDK needs to find region and credentials.
    ///
    /// # Errors
    /// [`StoreError::Uri`] if `uri` is neither.
    pub async fn open(uri: &str, options: &S3Options) -> Result<Self, StoreError> {
        if let Some(rest) = uri.strip_prefix("s3://") {
            return Ok(Self::S3(S3Location(S3Store::open(rest, options).await?)));
        }
        let path = uri.strip_prefix("file://").unwrap_or(uri);
        if path.is_empty() || path.contains("://") {
            return Err(StoreError::Uri { uri: uri.to_owned() });
        }
        Ok(Self::folder(path))
    }

    /// A store in the folder `path`, which is created with the first object.
    pub fn folder(path: impl Into<std::path::PathBuf>) -> Self {
        Self::Folder(FolderLocation(FolderStore::new(path.into())))
    }

    /// The whole object `key`, a document of at most `MAX_DOCUMENT_BYTES`, with the tag for a conditional write.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if it does not exist, [`StoreError::TooLarge`] before more than the bound is in memory.
    pub async fn read(&self, key: &str) -> Result<StoredObject, StoreError> {
        match self {
            Self::S3(store) => store.0.read(key).await,
            Self::Folder(store) => store.0.read(key).await,
        }
    }

    /// Fills `into` with the bytes of `key` from `offset` on, and calls `landed` for each piece as it arrives.
    ///
    /// # Errors
    /// [`StoreError::Truncated`] if the object ends before `into` is full.
    pub async fn read_range(
        &self,
        key: &str,
        offset: u64,
        into: &mut BytesMut,
        landed: impl FnMut(&[u8]) + Send,
    ) -> Result<(), StoreError> {
        match self {
            Self::S3(store) => store.0.read_range(key, offset, into, landed).await,
            Self::Folder(store) => store.0.read_range(key, offset, into, landed).await,
        }
    }

    /// The size of the object `key` and when it was written; `None` if it does not exist.
    ///
    /// # Errors
    /// If the store is unreachable or refuses.
    pub async fn stat(&self, key: &str) -> Result<Option<ObjectStat>, StoreError> {
        match self {
            Self::S3(store) => store.0.stat(key).await,
            Self::Folder(store) => store.0.stat(key).await,
        }
    }

    /// The size of the object `key` in bytes; `None` if it does not exist.
    ///
    /// # Errors
    /// If the store is unreachable or refuses.
    pub async fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.stat(key).await?.map(|stat| stat.size))
    }

    /// Puts `bytes` under `key`, if `condition` holds.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it does not.
    pub async fn write(&self, key: &str, bytes: Bytes, condition: WriteCondition) -> Result<(), StoreError> {
        match self {
            Self::S3(store) => store.0.write(key, bytes, condition).await,
            Self::Folder(store) => store.0.write(key, bytes, condition).await,
        }
    }

    /// Deletes the object `key`; a missing object is not an error.
    ///
    /// # Errors
    /// If the store is unreachable or refuses.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self {
            Self::S3(store) => store.0.delete(key).await,
            Self::Folder(store) => store.0.delete(key).await,
        }
    }

    /// The objects directly below `prefix` (which ends with `/`), sorted by key, partial files of killed writers included.
    ///
    /// # Errors
    /// If the store is unreachable or refuses.
    pub async fn objects(&self, prefix: &str) -> Result<Vec<(String, ObjectStat)>, StoreError> {
        match self {
            Self::S3(store) => store.0.objects(prefix).await,
            Self::Folder(store) => store.0.objects(prefix).await,
        }
    }

    /// The names directly below `prefix` (which ends with `/`), folders and objects alike, sorted.
    ///
    /// # Errors
    /// If the store is unreachable or refuses.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        match self {
            Self::S3(store) => store.0.list(prefix).await,
            Self::Folder(store) => store.0.list(prefix).await,
        }
    }
}

impl std::fmt::Display for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::S3(store) => store.0.fmt(f),
            Self::Folder(store) => store.0.fmt(f),
        }
    }
}
