//! Why accounts could not be read or changed.

use super::{KeyId, TenantName};
use crate::ledger::LedgerError;
use crate::vault::VaultError;

/// Why accounts could not be read or changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum AccountsError {
    /// The ledger failed or refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The vault failed or refused to wrap or unwrap the ledger's secret.
    #[error("the ledger's secret: {0}")]
    Vault(#[from] VaultError),
    /// The ledger has no secret: no key was ever made in it.
    #[error("the ledger has no secret yet; `amaas keys create` makes it with the first key")]
    NoSecret,
    /// A key takes the place of another: with three, nobody knows which is in use.
    #[error(
        "tenant {tenant} has two live keys called {name:?}; revoke one of them, or call the new one something else"
    )]
    TwoKeys { tenant: TenantName, name: String },
    /// Two keys with one id: by chance once in 2⁴⁸.
    #[error("there is a key {id} already; make another")]
    KeyExists { id: KeyId },
    /// Somebody else was always faster.
    #[error("others kept changing it; try again")]
    Busy,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
}
