//! Models at rest: what makes their blobs ciphertext in the store, and their manifests true.
//!
//! Each version has a data key of its own, which the vault wraps and the manifest carries. From it HKDF makes a key for each blob;
//! the blob's segments are sealed with AES-256-GCM, the index of the segment as nonce. Ciphertext is as long as plaintext, because
//! tags stand in the manifest: so segments open in place, side by side in one buffer.
//!
//! A segment is bound to all of the manifest but the digests and tags of the ciphertext itself, which cannot stand in what they come
//! from: see `Manifest::identity`. AES-GCM does not commit to its key, so the manifest holds a
//! commitment to the data key, which is compared before the key is used.

mod data_key;
mod signer;

pub use self::data_key::DataKey;
pub use self::data_key::SegmentTag;
pub use self::signer::{SignerError, SignerFile};

/// What a blob is to its version; it has a key of its own for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobRole {
    /// The network.
    Network,
    /// The golden cases.
    Golden,
    /// The asset of this name.
    Asset(String),
    /// The network that the task has by this name, beside the model's own.
    Auxiliary(String),
    /// The file of this name, in which a network has weights.
    External {
        /// The network's name; `None` for the model's own.
        network: Option<String>,
        /// The name that the network has for the file.
        file: String,
    },
    /// A network in a form that is ready sooner.
    Prepared {
        /// The network's name; `None` for the model's own.
        network: Option<String>,
    },
}

impl BlobRole {
    /// Names the role; no two have the same.
    pub fn label(&self) -> String {
        match self {
            Self::Network => "network".to_owned(),
            Self::Golden => "golden".to_owned(),
            Self::Asset(name) => format!("asset:{name}"),
            Self::Auxiliary(name) => format!("network:{name}"),
            Self::External { network: None, file } => format!("external:{file}"),
            Self::Prepared { network: None } => "prepared".to_owned(),
            Self::Prepared { network: Some(name) } => format!("prepared of {name}"),
            // With the length of one name, so that no two names can make up two others.
            Self::External { network: Some(name), file } => format!("external of {}:{name}:{file}", name.len()),
        }
    }
}
