//! Errors of loading a model.

use crate::alias_pointer::PointerError;
use crate::load::UnwrapError;
use crate::manifest::ManifestError;
use amaas_engine::TaskError;
use amaas_engine::runtime::{LibraryError, RuntimeError};
use amaas_engine::session::SessionError;
use amaas_ledger::LedgerError;
use amaas_store::StoreError;
use amaas_store::vault::VaultError;
use amaas_wire::Digest;

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum LoadError {
    /// The store could not be reached, or an object is missing or short.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The alias has no valid pointer.
    #[error("alias {alias} of model {model}: {cause}")]
    Alias { model: String, alias: String, cause: PointerError },
    /// The highest serial of the alias cannot be read or stored.
    #[error("the serial of an alias: {0}")]
    Ledger(#[from] LedgerError),
    /// The manifest is not well formed.
    #[error("manifest {key}: {cause}")]
    Manifest { key: String, cause: ManifestError },
    /// The manifest is stored under another name than its own.
    #[error("manifest {key} is that of model {model} version {version}")]
    Misplaced { key: String, model: String, version: String },
    /// The version is older than the operator allows.
    #[error("manifest {key} has the serial {serial}, below AMAAS_LEAST_SERIAL, {least}")]
    RolledBack { key: String, serial: u64, least: u64 },
    /// The data key of the model cannot be unwrapped.
    #[error(transparent)]
    Unwrap(#[from] UnwrapError),
    /// The authentication tag of a segment does not match.
    #[error("blob {blob} segment {segment}: authentication failed: it was sealed for another blob or with another key")]
    Tag { blob: Digest, segment: usize },
    /// The digest of a segment does not match the manifest.
    #[error("blob {blob} segment {segment}: digest mismatch: expected {expected}, got {got}")]
    Digest { blob: Digest, segment: usize, expected: Digest, got: Digest },
    /// The ONNX Runtime library was not found.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// ONNX Runtime did not start.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// No session could be created from the network.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No session could be created from the prepared network.
    #[error("the prepared network: {0}")]
    Prepared(SessionError),
    /// The task could not be loaded from the assets.
    #[error("task: {0}")]
    Task(#[from] TaskError),
    /// The network does not have the tensors that the task needs.
    #[error("task: {0}")]
    Contract(String),
    /// The golden cases cannot be read.
    #[error("golden cases: {0}")]
    Golden(ManifestError),
    /// The network's outputs differ from the golden ones.
    #[error("golden case {case}: {what}")]
    GoldenCase { case: usize, what: String },
    /// A run of the network passed its deadline and could not be stopped.
    #[error(
        "a run of the network passed its deadline (AMAAS_MAX_RUN_SECONDS) before the first call, and one operator of it does not end"
    )]
    DoesNotEnd,
    /// A panic while loading, such as in the task's code.
    #[error("loading panicked; see the log")]
    Panicked,
    /// The operating system could not start a thread.
    #[error("the inference thread could not be started: {0}")]
    Thread(std::io::Error),
}

/// Whether another attempt can succeed after a [`LoadError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retryability {
    /// The next attempt may succeed.
    Transient,
    /// An attempt may succeed after the publisher publishes what is missing, or the operator grants access or repairs the store.
    AfterIntervention,
    /// No attempt will succeed.
    Permanent,
}

impl LoadError {
    /// The text for clients, who may ask without a key whether a model is ready: store and cause, but no local path.
    pub fn public(&self) -> String {
        match self {
            Self::Library(_) | Self::Runtime(_) => "ONNX Runtime could not be started; see the log".to_owned(),
            // KMS names accounts and roles.
            Self::Unwrap(UnwrapError::Vault(VaultError::Denied { .. })) => {
                "KMS denies this function access to the model's key; see the log".to_owned()
            }
            Self::Unwrap(UnwrapError::Vault(VaultError::Unreachable { .. })) => {
                "KMS could not be reached; see the log".to_owned()
            }
            Self::Unwrap(UnwrapError::Vault(VaultError::Refused { key, .. })) => {
                format!("the key {key:?} of the model cannot be unwrapped: it was altered, or wrapped for another use")
            }
            Self::Unwrap(UnwrapError::Vault(VaultError::File { .. })) => {
                "the key file cannot be used; see the log".to_owned()
            }
            Self::Ledger(_) => "the serial of the alias could not be read from the ledger; see the log".to_owned(),
            error => error.to_string(),
        }
    }

    /// Whether another attempt can succeed.
    pub fn retryability(&self) -> Retryability {
        match self {
            Self::Store(error) if error.is_retryable() => Retryability::Transient,
            Self::Thread(_) | Self::Ledger(LedgerError::Unreachable { .. }) => Retryability::Transient,
            Self::Unwrap(UnwrapError::Vault(error)) if error.is_retryable() => Retryability::Transient,
            // The first four can come from a corrupted read or a damaged store.
            Self::Digest { .. }
            | Self::Tag { .. }
            | Self::Manifest { .. }
            | Self::Misplaced { .. }
            | Self::Store(_)
            | Self::Alias { .. }
            | Self::Ledger(_)
            | Self::Unwrap(UnwrapError::Vault(VaultError::File { .. } | VaultError::Denied { .. })) => {
                Retryability::AfterIntervention
            }
            _ => Retryability::Permanent,
        }
    }
}
