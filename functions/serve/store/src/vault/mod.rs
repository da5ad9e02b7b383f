//! The vault wraps small secrets, such as private keys and data keys, so that they can be stored: with AWS KMS, or with a key file for a
//! single machine and for tests.
//!
//! Each secret is bound to an [`EncryptionContext`]: a secret that was wrapped for one model and purpose cannot be unwrapped for another.

mod file;
mod kms;

use zeroize::Zeroizing;

pub use self::file::FileKey;
pub use self::kms::KmsKey;

/// Wraps and unwraps secrets. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Vault {
    /// A key of AWS KMS; the key itself never leaves it.
    Kms(KmsKey),
    /// A key in a file.
    File(FileKey),
}

impl Vault {
    /// Opens `uri`: `file:` and a path, or a KMS key: its id, its ARN, `alias/NAME` or the ARN of an alias.
    ///
    /// A file is read. KMS is not contacted yet, except what the AWS SDK needs to find region and credentials.
    ///
    /// # Errors
    /// [`VaultError::File`] if the file cannot be read or holds no key.
    pub async fn open(uri: &str) -> Result<Self, VaultError> {
        match uri.strip_prefix("file:") {
            Some(path) => FileKey::open(path.as_ref()).map(Self::File),
            None => Ok(Self::Kms(KmsKey::open(uri).await)),
        }
    }

    /// Wraps `secret`, which has at most 4,096 bytes, for `context`.
    ///
    /// # Errors
    /// If KMS is unreachable or refuses.
    pub async fn wrap(&self, secret: &[u8], context: EncryptionContext<'_>) -> Result<Vec<u8>, VaultError> {
        match self {
            Self::Kms(kms) => kms.wrap(secret, context).await,
            Self::File(key) => key.wrap(secret, context),
        }
    }

    /// Unwraps a secret that was wrapped for `context`.
    ///
    /// # Errors
    /// [`VaultError::Refused`] if it was wrapped with another key, for another context, or was altered.
    pub async fn unwrap(
        &self,
        wrapped: &[u8],
        context: EncryptionContext<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        match self {
            Self::Kms(kms) => kms.unwrap(wrapped, context).await,
            Self::File(key) => key.unwrap(wrapped, context),
        }
    }
}

/// The purpose of a secret. With KMS it is the encryption context, which the account's audit log shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptionContext<'a> {
    /// The model.
    pub model: &'a str,
    /// The id of the key among the model's.
    pub key: &'a str,
}

/// Why a secret could not be wrapped or unwrapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The file cannot be used.
    #[error("key file {path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The secret was wrapped with another key, for another context, or was altered.
    #[error("the key {key:?} of {model:?} cannot be unwrapped: it was altered, or wrapped for something else: {cause}")]
    Refused {
        /// The model.
        model: String,
        /// The key.
        key: String,
        /// The vault's reason.
        cause: String,
    },
    /// A permission is missing.
    #[error("KMS denies the use of its key: {cause}")]
    Denied {
        /// KMS's reason.
        cause: String,
    },
    /// KMS is unreachable or failed.
    #[error("KMS could not be reached: {cause}")]
    Unreachable {
        /// What happened.
        cause: String,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
}

impl VaultError {
    /// Whether a retry can succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}
