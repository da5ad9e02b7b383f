//! Why `dev` failed, or a function's own command, and what the user can do.

use std::fmt::Display;
use std::path::Path;

use amaas_access::AccountsError;
use amaas_config::ConfigError;
use amaas_engine::runtime::LibraryError;
use amaas_ledger::LedgerError;
use amaas_model::publish::PublishError;
use amaas_serve::sealing::SealingError;
use amaas_store::StoreError;
use amaas_store::vault::VaultError;

use crate::object_store::ObjectStoreError;

/// Why a local host did not start, or a model was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevError {
    /// The arguments or the data folder are wrong.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What the user can do.
        hint: Option<String>,
    },
    /// Anything else that failed.
    #[error("{message}")]
    Failed {
        /// What failed.
        message: String,
        /// What the user can do.
        hint: Option<String>,
    },
    /// A variable of the environment is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file `env` of the data folder cannot be read, or must not be used.
    #[error(transparent)]
    EnvFile(#[from] amaas_env::EnvError),
    /// ONNX Runtime is missing.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The object store did not start.
    #[error(transparent)]
    ObjectStore(#[from] ObjectStoreError),
    /// The model store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The model was not published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Tenants and keys could not be read or written.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The sealing keys could not be read or written.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The key file in place of KMS failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A call to the host failed.
    #[error(transparent)]
    Call(#[from] amaas::Error),
}

impl DevError {
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::Usage { message: message.to_string(), hint: None }
    }

    pub(crate) fn other(message: impl Display) -> Self {
        Self::Failed { message: message.to_string(), hint: None }
    }

    /// The file at `path` could not be read or written.
    pub(crate) fn file(path: &Path, error: &dyn Display) -> Self {
        Self::usage(format!("{}: {error}", path.display()))
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Usage { hint, .. } | Self::Failed { hint, .. } = &mut self {
            *hint = Some(text.into());
        }
        self
    }

    /// What the user can do, if it is known here.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Usage { hint, .. } | Self::Failed { hint, .. } => hint.as_deref(),
            Self::Store(StoreError::Unreachable { .. }) => Some("is `dev` still running on this folder?"),
            _ => None,
        }
    }

    /// Whether the arguments or the configuration are at fault.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Usage { .. } | Self::Config(_) | Self::EnvFile(_))
    }
}
