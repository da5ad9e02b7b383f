//! Why the manifest of a key list is refused.

use amaas_ohttp::key_list::KeyListError;

use crate::dsse::DsseError;

/// Why a key list is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The envelope is malformed, of another kind, or not signed by a known signer.
    #[error("the manifest of the keys: {0}")]
    Envelope(#[from] DsseError),
    /// The payload is not a manifest.
    #[error("the signed document is not a key manifest")]
    Malformed,
    /// The manifest is for another model or version.
    #[error("the manifest is for another model or version")]
    Audience,
    /// The manifest is not valid yet.
    #[error("the manifest is valid from {not_before}, and the time is {now}")]
    NotYetValid {
        /// The first second of its validity, since 1970.
        not_before: u64,
        /// The time of the check.
        now: u64,
    },
    /// The manifest has expired.
    #[error("the manifest was valid until {not_after}, and the time is {now}")]
    Expired {
        /// The last second of its validity, since 1970.
        not_after: u64,
        /// The time of the check.
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
    /// The list is not the signed one.
    #[error("the list of keys is not the one that was signed")]
    Digest,
    /// The signed list is malformed.
    #[error("the list of keys: {0}")]
    List(#[from] KeyListError),
}
