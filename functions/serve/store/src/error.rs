//! What can go wrong with an object store.

/// An error of a [`Store`](crate::store::Store). Each text names the store and the key, and never holds a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum StoreError {
    /// Neither an `s3://` URI nor a path.
    #[error("{uri:?} is not a store: expected s3://bucket[/prefix] or the path of a folder")]
    Uri { uri: String },
    /// There is no such object.
    #[error("{store} has no object {key}")]
    NotFound { store: String, key: String },
    /// The object was changed or made by somebody else meanwhile.
    #[error("object {key} of {store} was changed by somebody else meanwhile")]
    Conflict { store: String, key: String },
    /// The object is shorter than it should be.
    #[error("object {key} of {store} is truncated: expected {expected} bytes from {offset}, got {got}")]
    Truncated { store: String, key: String, offset: u64, expected: u64, got: u64 },
    /// The object is larger than anything that is read whole.
    #[error("object {key} of {store} is larger than the {limit} bytes that such a document can have")]
    TooLarge { store: String, key: String, limit: usize },
    /// There is no such store, so there is no object in it: a path or a name that is mistyped, or nothing was ever put there.
    #[error("there is no {store}, so it has no object {key}")]
    NoStore { store: String, key: String },
    /// The store does not answer to how it is configured.
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
    /// Whether the same call can succeed later with nothing changed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Truncated { .. })
    }

    /// Whether the object is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::NoStore { .. })
    }
}
