//! The env file that `amaas dev` writes for the other commands, `DATA/env`.

use std::path::Path;

use amaas::ClientBuilder;
use amaas_env::FoundEnvFile;
use amaas_local::env_variables::{ENDPOINT, KMS_KEY, LEDGER, SIGNERS, STORE, parse_signers};
use amaas_wire::dsse::VerifyingKey;

use super::DEV_HINT;
use crate::error::CliError;

/// The file that `amaas dev` wrote.
pub(super) struct DevFile(FoundEnvFile);

impl From<FoundEnvFile> for DevFile {
    fn from(found: FoundEnvFile) -> Self {
        Self(found)
    }
}

impl DevFile {
    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// A client builder with the settings of the file.
    pub(super) fn client_builder(&self) -> Result<ClientBuilder, amaas::Error> {
        ClientBuilder::from_variables(&self.path().display().to_string(), self.0.variables.iter())
    }

    /// The endpoints, for messages.
    pub(super) fn endpoints(&self) -> String {
        let endpoints = self.0.variables.iter().filter(|(name, url)| name.starts_with(ENDPOINT) && !url.is_empty());
        endpoints.map(|(_, url)| url).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn variable(&self, name: &str) -> Result<&str, CliError> {
        let missing = || CliError::usage(format!("{} has no {name}", self.path().display())).hint(DEV_HINT);
        self.0.variables.get(name).ok_or_else(missing)
    }

    /// The store: a bucket whose endpoint and credentials are in the file too.
    pub(super) fn bucket(&self) -> Result<&str, CliError> {
        let uri = self.variable(STORE)?;
        if uri.starts_with("s3://") {
            Ok(uri)
        } else {
            Err(self.foreign_value(STORE, "s3://BUCKET at its own endpoint"))
        }
    }

    /// A setting that names a file in the folder of this one: the ledger, the key in place of KMS, the publisher's key. Any other value
    /// would need the user's own AWS credentials, or is a key of the user.
    pub(super) fn own_file(&self, name: &str) -> Result<String, CliError> {
        let value = self.variable(name)?;
        let prefix = match name {
            LEDGER => "sqlite:",
            KMS_KEY => "file:",
            _ => "",
        };
        let expected = || {
            let folder = self.folder().display();
            self.foreign_value(name, &format!("{prefix}PATH of a file in {folder}"))
        };
        let path = Path::new(value.strip_prefix(prefix).ok_or_else(expected)?);
        // The ledger's file may not exist yet.
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

    fn foreign_value(&self, name: &str, expected: &str) -> CliError {
        let path = self.path().display();
        CliError::usage(format!(
            "{name} of {path} is not used: expected {expected}, and nothing that needs your own keys"
        ))
        .hint(format!("set {name} in the environment, along with AMAAS_STORE or AMAAS_LEDGER, or give the flag"))
    }

    pub(super) fn signers(&self) -> Result<Vec<VerifyingKey>, CliError> {
        let keys = parse_signers(self.variable(SIGNERS)?);
        keys.map_err(|error| CliError::usage(format!("the env file's {SIGNERS}: {error}")).hint(DEV_HINT))
    }
}

#[cfg(test)]
mod tests {
    use amaas_env::EnvFileLookup;
    use amaas_local::dev::quoted;
    use amaas_local::env_variables::SIGNING_KEY;

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
            let found = EnvFileLookup::in_folders(None, None).named(&data).expect("it was named").expect("it is there");
            let file = DevFile::from(found);
            let read = if name == STORE { file.bucket().map(str::to_owned) } else { file.own_file(name) };
            match read {
                Ok(read) => assert!(taken && read == value, "{name}={value}"),
                Err(failure) => assert!(!taken && format!("{failure:?}").contains(name), "{name}={value}: {failure:?}"),
            }
        }
    }
}
