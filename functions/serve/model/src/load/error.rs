//! Why a model could not be loaded.

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
    /// The alias holds no pointer that is taken.
    #[error("alias {alias} of model {model}: {cause}")]
    Alias { model: String, alias: String, cause: PointerError },
    /// Which pointers were seen cannot be read or kept.
    #[error("the serial of an alias: {0}")]
    Ledger(#[from] LedgerError),
    /// The manifest is not well formed.
    #[error("manifest {key}: {cause}")]
    Manifest { key: String, cause: ManifestError },
    /// The manifest stands under another name than its own.
    #[error("manifest {key} says that it is of model {model} version {version}")]
    Misplaced { key: String, model: String, version: String },
    /// The version is older than this function was told to take.
    #[error(
        "manifest {key} has the serial {serial}, below the least that this function takes (AMAAS_LEAST_SERIAL), {least}"
    )]
    RolledBack { key: String, serial: u64, least: u64 },
    /// There is no key to open the model with.
    #[error(transparent)]
    Unwrap(#[from] UnwrapError),
    /// A segment of a blob was sealed for something else.
    #[error(
        "blob {blob} segment {segment}: the tag is not good: it was sealed for something else, or with another key"
    )]
    Tag { blob: Digest, segment: usize },
    /// A segment of a blob is not what the manifest says.
    #[error("blob {blob} segment {segment}: digest mismatch: expected {expected}, got {got}")]
    Digest { blob: Digest, segment: usize, expected: Digest, got: Digest },
    /// There is no ONNX Runtime.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// ONNX Runtime did not start.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The network could not be made into a session.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// What publishing made of the network could not be made into a session.
    #[error("the prepared network: {0}")]
    Prepared(SessionError),
    /// The task could not be made from the assets.
    #[error("task: {0}")]
    Task(#[from] TaskError),
    /// The network cannot do what the task is for.
    #[error("task: {0}")]
    Contract(String),
    /// The golden cases cannot be read.
    #[error("golden cases: {0}")]
    Golden(ManifestError),
    /// The network does not give the known answers.
    #[error("golden case {case}: {what}")]
    GoldenCase { case: usize, what: String },
    /// A run of the network passed its deadline, and could not be ended.
    #[error(
        "a run of the network passed its deadline (AMAAS_MAX_RUN_SECONDS) before the first call, and one operator of it does not end"
    )]
    DoesNotEnd,
    /// Something in the way, such as the task's own code, panicked.
    #[error("loading panicked; the log says where")]
    Panicked,
    /// The operating system gave no thread.
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
    /// What callers may read, who need no key to ask whether a model is ready: store and cause, but no path of the machine.
    pub fn public(&self) -> String {
        match self {
            Self::Library(_) | Self::Runtime(_) => "ONNX Runtime could not be started; the log says why".to_owned(),
            // KMS names accounts and roles.
            Self::Unwrap(UnwrapError::Vault(VaultError::Denied { .. })) => {
                "KMS denies this function the use of the model's key; the log says why".to_owned()
            }
            Self::Unwrap(UnwrapError::Vault(VaultError::Unreachable { .. })) => {
                "KMS could not be reached; the log says why".to_owned()
            }
            Self::Unwrap(UnwrapError::Vault(VaultError::Refused { key, .. })) => {
                format!(
                    "the key {key:?} of the model cannot be unwrapped: it was altered, or wrapped for something else"
                )
            }
            Self::Unwrap(UnwrapError::Vault(VaultError::File { .. })) => {
                "the key file cannot be used; the log says why".to_owned()
            }
            Self::Ledger(_) => "the ledger could not be asked for the serial of the alias; the log says why".to_owned(),
            error => error.to_string(),
        }
    }

    /// Whether another attempt can succeed.
    pub fn retryability(&self) -> Retryability {
        match self {
            Self::Store(error) if error.is_retryable() => Retryability::Transient,
            Self::Thread(_) | Self::Ledger(LedgerError::Unreachable { .. }) => Retryability::Transient,
            Self::Unwrap(UnwrapError::Vault(error)) if error.is_retryable() => Retryability::Transient,
            // The first four may be a read that went wrong, or a store that was damaged.
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
