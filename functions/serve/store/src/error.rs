//! Errors of an object store.

/// An error of a [`Store`](crate::store::Store). Each text names store and key, and contains no credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum StoreError {
    /// The URI is neither `s3://` nor a path.
    #[error("{uri:?} is not a store: expected s3://bucket[/prefix] or the path of a folder")]
    Uri { uri: String },
    /// The object does not exist.
    #[error("{store} has no object {key}")]
    NotFound { store: String, key: String },
    /// Another writer changed or created the object meanwhile.
    #[error("object {key} of {store} was changed concurrently")]
    Conflict { store: String, key: String },
    /// The object is shorter than it should be.
    #[error("object {key} of {store} is truncated: expected {expected} bytes from {offset}, got {got}")]
    Truncated { store: String, key: String, offset: u64, expected: u64, got: u64 },
    /// The object is larger than the bound for documents.
    #[error("object {key} of {store} is larger than a document may be: {limit} bytes")]
    TooLarge { store: String, key: String, limit: usize },
    /// The store does not exist: its path or name is mistyped, or nothing was ever written.
    #[error("there is no {store}, so it has no object {key}")]
    NoStore { store: String, key: String },
    /// The configuration does not fit the store.
    #[error("{store} cannot be used as it is configured: {cause}")]
    Misconfigured { store: String, cause: String },
    /// The store refuses these credentials.
    #[error("{store} refuses access to {key}: {cause}")]
    Denied { store: String, key: String, cause: String },
    /// The store could not be reached, or failed.
    #[error("{store} could not be reached for {key}: {cause}")]
    Unreachable { store: String, key: String, cause: String },
}

impl StoreError {
    /// Whether a retry of the same call can succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Truncated { .. })
    }

    /// Whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::NoStore { .. })
    }
}
