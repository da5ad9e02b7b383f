//! A ledger in a folder of its own, and the program with environment variables for it.

use std::path::Path;
use std::process::Output;

use amaas_store::vault::{FileKey, Vault};
use serde_json::Value;

use crate::program::command;

pub(crate) struct OnLedger {
    folder: tempfile::TempDir,
}

impl OnLedger {
    /// No file yet, and a key that wraps its secret.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        FileKey::create(&folder.path().join("kms.key")).expect("written");
        Self { folder }
    }

    /// The key that wraps its secrets.
    pub(crate) fn vault(&self) -> Vault {
        Vault::File(FileKey::open(&self.folder().join("kms.key")).expect("it was made"))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn amaas(&self, arguments: &[&str]) -> Output {
        let mut command = command(self.folder(), arguments);
        command.env("AMAAS_LEDGER", "sqlite:ledger.sqlite").env("AMAAS_KMS_KEY", "file:kms.key");
        command.output().expect("amaas was built")
    }

    /// Standard output of `amaas`, which must succeed.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let output = self.amaas(arguments);
        assert!(output.status.success(), "amaas {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// The output of `amaas --json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.text(&[&["--json"], arguments].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Exit code and standard error of `amaas`, which must fail.
    pub(crate) fn failed(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.amaas(arguments);
        assert!(!output.status.success(), "amaas {arguments:?}: {output:?}");
        let code = output.status.code().expect("it ended by itself");
        (code, String::from_utf8(output.stderr).expect("UTF-8"))
    }
}
