//! The variables of `DATA/env`, the file that `dev` writes for the commands beside it, and the text form of a list of signers.

use amaas_wire::dsse::{DsseError, VerifyingKey};

pub use amaas_env::AMAAS_ENDPOINT as ENDPOINT;

/// The client's API key.
pub const API_KEY: &str = "AMAAS_API_KEY";
/// The model store: `s3://BUCKET` or a folder.
pub const STORE: &str = "AMAAS_STORE";
/// The ledger: `sqlite:PATH` or `dynamodb:TABLE`.
pub const LEDGER: &str = "AMAAS_LEDGER";
/// The key that wraps keys: a key of KMS, or `file:PATH`.
pub const KMS_KEY: &str = "AMAAS_KMS_KEY";
/// The file of the publisher's private key.
pub const SIGNING_KEY: &str = "AMAAS_SIGNING_KEY";
/// The keys that may sign sealing keys and receipts.
pub const SIGNERS: &str = "AMAAS_SIGNERS";
/// The keys that may sign manifests.
pub const PUBLISHERS: &str = "AMAAS_PUBLISHERS";
/// The endpoint of the object store.
pub const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
/// The access key id for the object store.
pub const S3_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
/// The secret access key for the object store.
pub const S3_SECRET: &str = "AWS_SECRET_ACCESS_KEY";

/// Writes keys as [`SIGNERS`] and [`PUBLISHERS`] list them.
pub fn format_signers(keys: &[VerifyingKey]) -> String {
    keys.iter().map(VerifyingKey::to_string).collect::<Vec<_>>().join(",")
}

/// Reads what [`format_signers`] wrote.
///
/// # Errors
/// [`DsseError`] if one of the keys cannot be parsed.
pub fn parse_signers(keys: &str) -> Result<Vec<VerifyingKey>, DsseError> {
    keys.split(',').map(|key| key.trim().parse()).collect()
}
