//! The file that `amaas dev` writes for every other command, `DATA/env`.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use amaas::ApiKey;
use amaas::env_file::{EnvFile, Found, Lookup};
use amaas_store::S3Endpoint;
use amaas_wire::dsse::VerifyingKey;

use super::{
    API_KEY, DEV, ENDPOINT, KMS_KEY, LEDGER, PUBLISHERS, S3_ENDPOINT, S3_KEY_ID, S3_SECRET, SIGNERS, SIGNING_KEY,
    STORE, parse_signers, signers,
};
use crate::error::CliError;
use crate::output;
use crate::secrets::Secrets;

/// The file that `amaas dev` wrote.
pub(super) struct DevFile(Found);

impl From<Found> for DevFile {
    fn from(found: Found) -> Self {
        Self(found)
    }
}

impl DevFile {
    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    pub(super) fn found(&self) -> &Found {
        &self.0
    }

    /// The endpoints, for a person.
    pub(super) fn endpoints(&self) -> String {
        let endpoints = self.0.file.variables().filter(|(name, url)| name.starts_with(ENDPOINT) && !url.is_empty());
        endpoints.map(|(_, url)| url).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn variable(&self, name: &str) -> Result<&str, CliError> {
        let missing = || CliError::usage(format!("{} has no {name}", self.path().display())).hint(DEV);
        self.0.file.variable(name).ok_or_else(missing)
    }

    /// The store: a bucket, for which the file has endpoint and credentials too.
    pub(super) fn bucket(&self) -> Result<&str, CliError> {
        let uri = self.variable(STORE)?;
        if uri.starts_with("s3://") { Ok(uri) } else { Err(self.foreign(STORE, "s3://BUCKET at its own endpoint")) }
    }

    /// A setting that names a file in the folder of this one: the ledger, the key in place of KMS, the publisher's key. Anything else
    /// would be reached with the user's own AWS credentials, or is a key of the user's.
    pub(super) fn own(&self, name: &str) -> Result<String, CliError> {
        let value = self.variable(name)?;
        let prefix = match name {
            LEDGER => "sqlite:",
            KMS_KEY => "file:",
            _ => "",
        };
        let expected = || {
            let folder = self.folder().display();
            self.foreign(name, &format!("{prefix}PATH of a file in {folder}"))
        };
        let path = Path::new(value.strip_prefix(prefix).ok_or_else(expected)?);
        // The ledger need not be there yet.
        let (Some(parent), Some(file)) = (path.parent(), path.file_name()) else { return Err(expected()) };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let place = parent.canonicalize().map_err(|_| expected())?.join(file);
        if place.strip_prefix(self.folder()).map_or(true, |rest| rest.as_os_str().is_empty()) || place.is_symlink() {
            return Err(expected());
        }
        Ok(value.to_owned())
    }

    /// The folder that the file is in, without symbolic links.
    fn folder(&self) -> &Path {
        self.path().parent().unwrap_or(Path::new("/"))
    }

    fn foreign(&self, name: &str, expected: &str) -> CliError {
        let path = self.path().display();
        CliError::usage(format!(
            "{name} of {path} is not used: expected {expected}, and nothing that needs your own keys"
        ))
        .hint(format!("set {name} in the environment, along with AMAAS_STORE or AMAAS_LEDGER, or give the flag"))
    }

    pub(super) fn signers(&self) -> Result<Vec<VerifyingKey>, CliError> {
        let keys = parse_signers(self.variable(SIGNERS)?);
        keys.map_err(|error| CliError::usage(format!("the env file's {SIGNERS}: {error}")).hint(DEV))
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
    pub(crate) fn write(&self, data: &Path) -> Result<PathBuf, CliError> {
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
            // Exported, so that programs have them that are started in a shell which read the file.
            text.extend(["export ", name, "=", &quoted(&value), "\n"]);
        }
        // First the record: whoever sees the file finds that it is recorded. Without one the others can still be told of the folder.
        if let Err(error) = Lookup::from_env().written(data, &text) {
            output::note(format_args!("other commands need `--data {}`: {error}", data.display()));
        }
        write_secret(&path, text.as_bytes()).map_err(|error| CliError::file(&path, &error))?;
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
    // One that was left over may have another mode, or be a link.
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
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
    fn a_file_has_no_say_over_what_is_not_its_own() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("a folder");
        let data = root.join("data");
        std::fs::create_dir(&data).expect("a folder");
        for file in [root.join("mine.pem"), data.join("signer.pem")] {
            std::fs::write(file, "").expect("a file");
        }
        std::os::unix::fs::symlink(root.join("mine.pem"), data.join("link.pem")).expect("a link");
        let at = |path: &str| root.join(path).display().to_string();
        for (name, value, taken) in [
            (SIGNING_KEY, at("data/signer.pem"), true),
            (SIGNING_KEY, at("data/../data/signer.pem"), true),
            (SIGNING_KEY, at("mine.pem"), false),
            (SIGNING_KEY, at("data/../mine.pem"), false),
            (SIGNING_KEY, at("data/link.pem"), false),
            (SIGNING_KEY, at("data/absent/signer.pem"), false),
            (SIGNING_KEY, at("data"), false),
            (SIGNING_KEY, "/".to_owned(), false),
            (SIGNING_KEY, String::new(), false),
            (KMS_KEY, format!("file:{}", at("data/kms.key")), true),
            (KMS_KEY, format!("file:{}", at("mine.pem")), false),
            (KMS_KEY, "alias/amaas".to_owned(), false),
            (KMS_KEY, "arn:aws:kms:us-east-1:1:key/2".to_owned(), false),
            (LEDGER, format!("sqlite:{}", at("data/ledger.sqlite")), true),
            (LEDGER, format!("sqlite:{}", at("ledger.sqlite")), false),
            (LEDGER, "dynamodb:table".to_owned(), false),
            (STORE, "s3://models".to_owned(), true),
            (STORE, "/srv/models".to_owned(), false),
            (STORE, "file:///srv/models".to_owned(), false),
        ] {
            std::fs::write(data.join("env"), format!("{name}={}\n", quoted(&value))).expect("a file");
            let found = Lookup::in_folders(None, None).named(&data).expect("it was named").expect("it is there");
            let file = DevFile::from(found);
            let read = if name == STORE { file.bucket().map(str::to_owned) } else { file.own(name) };
            match read {
                Ok(read) => assert!(taken && read == value, "{name}={value}"),
                Err(failure) => assert!(!taken && format!("{failure:?}").contains(name), "{name}={value}: {failure:?}"),
            }
        }
    }

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
