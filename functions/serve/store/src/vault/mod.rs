//! What wraps small secrets, such as private keys and data keys, so that they can lie in the model store: AWS KMS, or a key
//! in a file for a single machine and for tests.
//!
//! Each secret is bound to a [`Context`]: what was wrapped for one model and purpose does not come out for another.

mod file;
mod kms;

use zeroize::Zeroizing;

pub use self::file::FileKey;
pub use self::kms::Kms;

/// Wraps and unwraps secrets. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Vault {
    /// A key of AWS KMS; the key itself never leaves it.
    Kms(Kms),
    /// A key in a file.
    File(FileKey),
}

impl Vault {
    /// Opens `uri`: `file:` and a path, or what KMS takes for a key: its id, its ARN, `alias/NAME` or the ARN of an alias.
    ///
    /// A file is read. KMS is not asked yet, but for what the AWS SDK needs to find region and credentials.
    ///
    /// # Errors
    /// [`VaultError::File`] when the file cannot be read or holds no key.
    pub async fn open(uri: &str) -> Result<Self, VaultError> {
        match uri.strip_prefix("file:") {
            Some(path) => FileKey::open(path.as_ref()).map(Self::File),
            None => Ok(Self::Kms(Kms::open(uri).await)),
        }
    }

    /// Wraps `secret`, which has at most 4,096 bytes, for `context`.
    ///
    /// # Errors
    /// When KMS cannot be reached or refuses.
    pub async fn wrap(&self, secret: &[u8], context: Context<'_>) -> Result<Vec<u8>, VaultError> {
        match self {
            Self::Kms(kms) => kms.wrap(secret, context).await,
            Self::File(key) => key.wrap(secret, context),
        }
    }

    /// The secret that was wrapped for `context`.
    ///
    /// # Errors
    /// [`VaultError::Refused`] when it was wrapped with another key, for another context, or was altered.
    pub async fn unwrap(&self, wrapped: &[u8], context: Context<'_>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        match self {
            Self::Kms(kms) => kms.unwrap(wrapped, context).await,
            Self::File(key) => key.unwrap(wrapped, context),
        }
    }
}

/// What a secret is for. With KMS it is the encryption context, which stands in the account's audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
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
    /// It was wrapped with another key, for another context, or was altered.
    #[error("the key {key:?} of {model:?} cannot be unwrapped: it was altered, or wrapped for something else: {cause}")]
    Refused {
        /// The model.
        model: String,
        /// The key.
        key: String,
        /// In the words of whoever refused.
        cause: String,
    },
    /// The permission is missing.
    #[error("KMS denies the use of its key: {cause}")]
    Denied {
        /// In KMS's words.
        cause: String,
    },
    /// KMS could not be reached, or could not answer.
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
    /// Whether the same may go well in a moment.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}
