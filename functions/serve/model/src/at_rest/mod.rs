//! Encryption at rest: the blobs of a model are ciphertext in the store, and its manifest is signed.
//!
//! Each version has its own data key, which the vault wraps and the manifest contains. HKDF derives a key for each blob from it.
//! Segments of a blob are sealed with AES-256-GCM, with the index of the segment as nonce. Tags are in the manifest, so
//! ciphertext is as long as plaintext, and segments are decrypted in place in one buffer.
//!
//! The additional data of a segment bind it to the whole manifest except the digests and tags of the ciphertext, which depend on
//! it: see `Manifest::identity`. AES-GCM does not commit to its key, so the manifest contains a commitment to the data key, which
//! is checked before the key is used.

mod data_key;
mod signer;

pub use self::data_key::DataKey;
pub use self::data_key::SegmentTag;
pub use self::signer::{SignerError, SignerFile};

/// The role of a blob in its version; each role has its own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobRole {
    /// The network.
    Network,
    /// The golden cases.
    Golden,
    /// The asset of this name.
    Asset(String),
    /// The auxiliary network of this name.
    Auxiliary(String),
    /// An external data file with weights of a network.
    External {
        /// The network's name; `None` for the model's own.
        network: Option<String>,
        /// The file's name in the network.
        file: String,
    },
    /// A network in ONNX Runtime's own format.
    Prepared {
        /// The network's name; `None` for the model's own.
        network: Option<String>,
    },
}

impl BlobRole {
    /// A label that is unique to the role.
    pub fn label(&self) -> String {
        match self {
            Self::Network => "network".to_owned(),
            Self::Golden => "golden".to_owned(),
            Self::Asset(name) => format!("asset:{name}"),
            Self::Auxiliary(name) => format!("network:{name}"),
            Self::External { network: None, file } => format!("external:{file}"),
            Self::Prepared { network: None } => "prepared".to_owned(),
            Self::Prepared { network: Some(name) } => format!("prepared of {name}"),
            // With the length of one name, so that two pairs of names cannot have the same label.
            Self::External { network: Some(name), file } => format!("external of {}:{name}:{file}", name.len()),
        }
    }
}
