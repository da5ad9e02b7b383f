//! Why accounts could not be read or changed.

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
    /// The ledger has no secret: no key was ever made in it.
    #[error("the ledger has no secret yet; `amaas keys create` makes it with the first key")]
    NoSecret,
    /// The ledger is of a version that signed nothing.
    #[error(
        "tenants, keys and prices in the ledger are not signed, so none of them is taken: `amaas ledger sign` signs them"
    )]
    NotSigned,
    /// Somebody wrote a record who does not administer the ledger.
    #[error(
        "the record of {what} is not as those signed it who administer the ledger: it was altered, moved, or put there by someone \
         who can write the ledger"
    )]
    Forged { what: String },
    /// The two halves of the authority do not belong together.
    #[error(
        "the ledger's records are verified with another key than the one in it that signs: one of the two was exchanged"
    )]
    OtherAuthority,
    /// There is nothing here to sign with.
    #[error(
        "what is written in the ledger is signed, and there is no key of KMS or file here that unwraps what signs it"
    )]
    NoVault,
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
