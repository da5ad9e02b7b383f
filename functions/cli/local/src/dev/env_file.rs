//! The file `DATA/env`: endpoint, API key, store, ledger and keys, for the commands beside `dev`.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use amaas::ApiKey;
use amaas_env::{EnvFileLookup, EnvVariables};
use amaas_store::S3Endpoint;
use amaas_wire::dsse::VerifyingKey;

use super::error::DevError;
use super::secrets::DevSecrets;
use crate::env_variables::{
    API_KEY, ENDPOINT, KMS_KEY, LEDGER, PUBLISHERS, S3_ENDPOINT, S3_KEY_ID, S3_SECRET, SIGNERS, SIGNING_KEY, STORE,
    format_signers,
};

/// The variables of the file.
pub(super) struct DevEnvironment<'a> {
    pub(super) endpoint: String,
    pub(super) key: &'a ApiKey,
    pub(super) store: String,
    pub(super) ledger: String,
    pub(super) s3: &'a S3Endpoint,
    pub(super) secrets: &'a DevSecrets,
    pub(super) signers: &'a [VerifyingKey],
}

impl DevEnvironment<'_> {
    /// Writes the file, which only its owner may read: it holds a key.
    pub(super) fn write(&self, data: &Path) -> Result<PathBuf, DevError> {
        let path = data.join("env");
        let variables = [
            (ENDPOINT, self.endpoint.clone()),
            (API_KEY, self.key.expose().to_owned()),
            (STORE, self.store.clone()),
            (LEDGER, self.ledger.clone()),
            (S3_ENDPOINT, self.s3.url.clone()),
            (S3_KEY_ID, self.s3.access_key_id.clone()),
            (S3_SECRET, self.s3.secret_access_key.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            (KMS_KEY, self.secrets.kms_key()),
            (SIGNING_KEY, self.secrets.signing_key().display().to_string()),
            (PUBLISHERS, self.secrets.publisher().to_string()),
            (SIGNERS, format_signers(self.signers)),
        ];
        let mut text = "# Written by `amaas dev`; holds while it runs.\n".to_owned();
        for (name, value) in variables {
            // Exported, so that programs started from a shell that read the file have them.
            text.extend(["export ", name, "=", &quoted(&value), "\n"]);
        }
        // The record comes first: a command that sees the file finds it recorded. Without a record, `--data` names the folder.
        if let Err(error) = EnvFileLookup::from_env().record_content(data, &text) {
            eprintln!("other commands need `--data {}`: {error}", data.display());
        }
        write_secret(&path, text.as_bytes()).map_err(|error| DevError::file(&path, &error))?;
        Ok(path)
    }
}

/// The API key that an earlier `dev` wrote.
pub(super) fn earlier_key(data: &Path) -> Option<ApiKey> {
    EnvVariables::load(&data.join("env")).ok()?.get(API_KEY)?.parse().ok()
}

/// Writes a file that only its owner may read. A concurrent reader sees the old file or the new one.
fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    // A leftover file may have another mode, or be a link.
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    file.write_all(bytes)?;
    std::fs::rename(&partial, path)
}

/// Quotes a value for a shell and for [`EnvVariables`].
pub fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=+,@%".contains(&byte);
    if value.bytes().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r#"'"'"'"#)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        for (value, written) in [
            ("sqlite:/home/me/.amaas/ledger.sqlite", "sqlite:/home/me/.amaas/ledger.sqlite"),
            ("file:/my models/$kms.key", "'file:/my models/$kms.key'"),
            ("it's", r#"'it'"'"'s'"#),
            ("", ""),
        ] {
            assert_eq!(quoted(value), written);
            let file = EnvVariables::parse(&format!("A={}", quoted(value))).expect("a line");
            assert_eq!(file.get("A"), Some(value));
        }
    }
}
