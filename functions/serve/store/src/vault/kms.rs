//! A key of AWS KMS.

use aws_sdk_kms::Client;
use aws_sdk_kms::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use zeroize::Zeroizing;

use super::{EncryptionContext, VaultError};

/// A key of AWS KMS.
#[derive(Clone, Debug)]
pub struct KmsKey {
    client: Client,
    key: String,
}

impl KmsKey {
    pub(super) async fn open(key: &str) -> Self {
        let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        Self { client: Client::new(&config), key: key.to_owned() }
    }

    pub(super) async fn wrap(&self, secret: &[u8], context: EncryptionContext<'_>) -> Result<Vec<u8>, VaultError> {
        let request = self.client.encrypt().key_id(&self.key).plaintext(Blob::new(secret));
        let request = request.encryption_context(MODEL, context.model).encryption_context(KEY, context.key);
        let answer = request.send().await.map_err(|error| failed(&error, context))?;
        answer.ciphertext_blob.map(Blob::into_inner).ok_or_else(|| empty("Encrypt"))
    }

    pub(super) async fn unwrap(
        &self,
        wrapped: &[u8],
        context: EncryptionContext<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        // The key is named, so that a secret that an attacker wrapped with another key is refused.
        let request = self.client.decrypt().key_id(&self.key).ciphertext_blob(Blob::new(wrapped));
        let request = request.encryption_context(MODEL, context.model).encryption_context(KEY, context.key);
        let answer = request.send().await.map_err(|error| failed(&error, context))?;
        answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner())).ok_or_else(|| empty("Decrypt"))
    }
}

fn failed<E>(error: &SdkError<E>, context: EncryptionContext<'_>) -> VaultError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let cause = match error.as_service_error() {
        Some(service) => {
            format!("{}: {}", service.code().unwrap_or("error"), service.message().unwrap_or("no message"))
        }
        None => DisplayErrorContext(error).to_string(),
    };
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("InvalidCiphertextException" | "IncorrectKeyException") => {
            VaultError::Refused { model: context.model.to_owned(), key: context.key.to_owned(), cause }
        }
        Some(
            "AccessDeniedException"
            | "NotFoundException"
            | "DisabledException"
            | "KMSInvalidStateException"
            | "InvalidKeyUsageException"
            | "ValidationException"
            | "UnrecognizedClientException",
        ) => VaultError::Denied { cause },
        _ => VaultError::Unreachable { cause },
    }
}

fn empty(operation: &str) -> VaultError {
    VaultError::Unreachable { cause: format!("{operation} answered nothing") }
}

/// Names in the encryption context.
const MODEL: &str = "model";
const KEY: &str = "key";
