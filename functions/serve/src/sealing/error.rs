//! Errors of the keys of sealed calls.

use amaas_ohttp::OhttpError;
use amaas_wire::dsse::DsseError;

use amaas_ledger::LedgerError;
use amaas_store::StoreError;
use amaas_store::vault::VaultError;

/// Why the keys of sealed calls cannot be read, created or changed. It never contains a part of a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealingError {
    /// The operating system has no randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// The model has no keys yet.
    #[error(
        "there are no keys for sealed calls to {name:?}: `amaas publish` makes them for a new model, and \
         `amaas keys rotate {name}` for one that has none"
    )]
    Missing {
        /// The model without keys.
        name: String,
    },
    /// The document cannot be read.
    #[error("the document of the sealing keys of {name:?} is malformed: {cause}")]
    Malformed {
        /// The model of the keys.
        name: String,
        /// Why it cannot be read.
        cause: String,
    },
    /// The document was changed without the vault's key.
    #[error(
        "the document of the sealing keys of {name:?} was altered: its authentication tag does not match. A writer of the store \
         changed it; restore the last valid version"
    )]
    Altered {
        /// The model of the keys.
        name: String,
    },
    /// The document is of the first format.
    #[error(
        "the document of the sealing keys of {name:?} has the first format, which is not authenticated: \
         `amaas keys rotate {name} --adopt` writes an authenticated one. Compare the signers that it shows with those that \
         clients pin"
    )]
    Untagged {
        /// The model of the keys.
        name: String,
    },
    /// An older document replaced a newer one.
    #[error(
        "the document of the sealing keys has the serial {found}, and {known} has been seen: a writer of the store \
         restored an older one"
    )]
    Older {
        /// The serial of the document.
        found: u64,
        /// The highest serial so far.
        known: u64,
    },
    /// A rotation of the signer is not over yet.
    #[error("the next signer takes over at {until} (seconds since 1970); until then there cannot be another")]
    SignerPending {
        /// When it is over, in seconds since 1970.
        until: u64,
    },
    /// All 256 ids are in use.
    #[error("every id of a key is in use; keys go when they retire")]
    NoId,
    /// A key is invalid.
    #[error("sealing keys: {0}")]
    Key(#[from] OhttpError),
    /// A signer is invalid.
    #[error("signers of the sealing keys: {0}")]
    Signer(#[from] DsseError),
    /// The keys cannot be wrapped or unwrapped.
    #[error("sealing keys: {0}")]
    Vault(#[from] VaultError),
    /// The document cannot be read or written.
    #[error("sealing keys: {0}")]
    Store(#[from] StoreError),
    /// The highest serial cannot be read or stored.
    #[error("the serial of the sealing keys: {0}")]
    Ledger(#[from] LedgerError),
    /// The store or the vault did not answer in time.
    #[error("the sealing keys were not read within {seconds} s")]
    Slow {
        /// The timeout.
        seconds: u64,
    },
}
