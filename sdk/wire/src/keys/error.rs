//! Why the manifest of a key list is refused.

use amaas_ohttp::key_list::KeyListError;

use crate::dsse::DsseError;

/// Why a list of keys is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The envelope is malformed, of another kind, or not signed by a known signer.
    #[error("the manifest of the keys: {0}")]
    Envelope(#[from] DsseError),
    /// What was signed is not a manifest.
    #[error("what was signed is not a manifest of keys")]
    Malformed,
    /// The manifest is for another model or version.
    #[error("the manifest is for another model or version")]
    Audience,
    /// The manifest holds later.
    #[error("the manifest holds from {not_before}, and it is {now}")]
    NotYetValid {
        /// When it begins to hold, in seconds since 1970.
        not_before: u64,
        /// The time that it was held against.
        now: u64,
    },
    /// The manifest holds no more.
    #[error("the manifest held until {not_after}, and it is {now}")]
    Expired {
        /// When it ceased to hold, in seconds since 1970.
        not_after: u64,
        /// The time that it was held against.
        now: u64,
    },
    /// A newer manifest has been seen.
    #[error("the manifest has the serial {found}, and {least} is the least")]
    Serial {
        /// The serial of the manifest.
        found: u64,
        /// The least serial that is accepted.
        least: u64,
    },
    /// The list is another one than the one that was signed.
    #[error("the list of keys is not the one that was signed")]
    Digest,
    /// The list that was signed is not a list.
    #[error("the list of keys: {0}")]
    List(#[from] KeyListError),
}
