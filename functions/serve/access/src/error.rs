//! Errors of reading or changing accounts.

use crate::key::KeyId;
use crate::tenant::TenantName;
use amaas_ledger::LedgerError;
use amaas_store::vault::VaultError;

/// Why accounts could not be read or changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum AccountsError {
    /// The ledger failed or refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The vault failed or refused to wrap or unwrap a secret of the ledger.
    #[error("the ledger's secrets: {0}")]
    Vault(#[from] VaultError),
    /// The ledger has no secret: no key was ever created in it.
    #[error("the ledger has no secret yet; `amaas keys create` creates it with the first key")]
    NoSecret,
    /// The ledger is of a version without signatures.
    #[error(
        "tenants, keys and prices in the ledger are not signed, so all of them are refused: `amaas ledger sign` signs them"
    )]
    NotSigned,
    /// A record has no valid signature of the ledger's authority.
    #[error(
        "the record of {what} has no valid signature of the ledger's authority: a ledger writer altered, moved or added it"
    )]
    Forged { what: String },
    /// The two halves of the authority do not match.
    #[error("the signing key in the ledger does not match its verifying key: one of the two was replaced")]
    OtherAuthority,
    /// This process cannot unwrap the signing key.
    #[error(
        "records in the ledger have to be signed, and no KMS key or key file is configured that unwraps the signing key"
    )]
    NoVault,
    /// Two live keys of one name are enough for a rotation: one in use, and its successor.
    #[error("tenant {tenant} has two live keys called {name:?}; revoke one of them, or choose another name")]
    TwoKeys { tenant: TenantName, name: String },
    /// Two keys share an id, by chance once in 2⁴⁸.
    #[error("a key with the id {id} exists already; create another")]
    KeyExists { id: KeyId },
    /// Concurrent changes won every attempt.
    #[error("the record was changed concurrently; try again")]
    Busy,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
}
