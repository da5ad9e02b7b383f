//! The file that `amaas dev` writes for every other command, `DATA/env`.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use amaas::ApiKey;
use amaas::env_file::EnvFile;
use amaas_serve::store::S3Endpoint;
use amaas_wire::dsse::VerifyingKey;

use super::{
    API_KEY, DEV, ENDPOINT, KMS_KEY, LEDGER, PUBLISHERS, S3_ENDPOINT, S3_KEY_ID, S3_SECRET, SIGNERS, SIGNING_KEY,
    STORE, parse_signers, signers,
};
use crate::failure::Failure;
use crate::secrets::Secrets;

/// The file that `amaas dev` wrote.
pub(super) struct DevFile(EnvFile);

impl DevFile {
    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        Ok(Self(EnvFile::load(path)?))
    }

    pub(super) fn variable(&self, name: &str) -> Result<&str, Failure> {
        self.0.variable(name).ok_or_else(|| Failure::usage(format!("the env file has no {name}")).try_this(DEV))
    }

    pub(super) fn signers(&self) -> Result<Vec<VerifyingKey>, Failure> {
        let keys = parse_signers(self.variable(SIGNERS)?);
        keys.map_err(|error| Failure::usage(format!("the env file's {SIGNERS}: {error}")).try_this(DEV))
    }
}

/// What `amaas dev` tells every other command, in `DATA/env`.
pub(crate) struct DevEnvironment<'a> {
    pub(crate) endpoint: String,
    pub(crate) key: &'a ApiKey,
    pub(crate) store: String,
    pub(crate) ledger: String,
    pub(crate) s3: &'a S3Endpoint,
    pub(crate) secrets: &'a Secrets,
    pub(crate) signers: &'a [VerifyingKey],
}

impl DevEnvironment<'_> {
    /// Writes the file, which only its owner may read: it holds a key.
    pub(crate) fn write(&self, data: &Path) -> Result<PathBuf, Failure> {
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
            (SIGNERS, signers(self.signers)),
        ];
        let mut text = "# Written by `amaas dev`; holds while it runs.\n".to_owned();
        for (name, value) in variables {
            text.extend([name, "=", &quoted(&value), "\n"]);
        }
        write_secret(&path, text.as_bytes()).map_err(|error| Failure::file(&path, &error))?;
        Ok(path)
    }

    /// The key that an earlier `amaas dev` wrote.
    pub(crate) fn earlier_key(data: &Path) -> Option<ApiKey> {
        EnvFile::load(&data.join("env")).ok()?.variable(API_KEY)?.parse().ok()
    }
}

/// Writes a file that only its owner may read; who reads meanwhile sees the old one or the new one.
fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(bytes)?;
    std::fs::rename(&partial, path)
}

/// A value that a shell, and [`EnvFile`], take as it is.
pub(crate) fn quoted(value: &str) -> String {
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
            let file = EnvFile::parse(&format!("A={}", quoted(value))).expect("a line");
            assert_eq!(file.variable("A"), Some(value));
        }
    }
}
