//! Where the command finds the service, the store and the ledger. The first of these sources wins: the flag of the setting
//! (`--store`), the common flag (`--data`), the environment, the file of `amaas dev` here or in a parent folder (see `amaas_env`).
//!
//! Invariant: a place and its keys come from one source. With an endpoint, a store or a ledger from a file, no key and no AWS
//! credential of the environment is used: the file has the credentials of its store, and its keys are files in its own folder.
//! A flag works with any source. The file is named on standard error, once, before it is used.

mod dev_file;
mod ledger;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use amaas::{Client, ClientBuilder};
use amaas_env::{EnvFileLookup, file_in_use};
use amaas_local::env_variables::{
    API_KEY, ENDPOINT, KMS_KEY, PUBLISHERS, S3_ENDPOINT, S3_KEY_ID, S3_SECRET, SIGNERS, SIGNING_KEY, STORE,
    parse_signers,
};
use amaas_model::at_rest::SignerFile;
use amaas_store::vault::Vault;
use amaas_store::{S3Endpoint, S3Options, Store};
use amaas_wire::dsse::VerifyingKey;

use self::dev_file::DevFile;
pub(crate) use self::ledger::LedgerOpenMode;
use crate::error::CliError;
use crate::output;

/// The settings of one command.
pub(crate) struct Settings {
    /// The value of `--data`.
    flag: Option<PathBuf>,
    /// Whether to print JSON.
    pub(crate) json: bool,
    /// Set once the file was named on standard error.
    is_reported: OnceCell<()>,
}

/// A model store, and its name for users.
pub(crate) struct ModelStore {
    pub(crate) store: Store,
    /// Such as `s3://bucket/prefix`.
    pub(crate) uri: String,
    /// The endpoint, if it is not AWS's own.
    pub(crate) endpoint: Option<String>,
}

impl Settings {
    pub(crate) fn new(flag: Option<PathBuf>, json: bool) -> Self {
        Self { flag, json, is_reported: OnceCell::new() }
    }

    /// The data folder of `amaas dev`.
    pub(crate) fn data(&self) -> PathBuf {
        self.named_data().unwrap_or_else(|| PathBuf::from(".amaas"))
    }

    /// The argument with which another command finds this folder too.
    pub(crate) fn data_argument(&self) -> String {
        self.named_data().map(|data| format!(" --data {}", data.display())).unwrap_or_default()
    }

    /// A client of the service.
    pub(crate) fn client(&self) -> Result<Client, CliError> {
        let (file, builder) = if self.flag.is_some() {
            let file = self.file()?;
            let builder = file.client_builder()?;
            (Some(file), builder)
        } else {
            (file_in_use()?.map(DevFile::from), ClientBuilder::from_env()?)
        };
        if let Some(file) = file {
            self.report_source(&file, &format!("endpoint {}", file.endpoints()), &[ENDPOINT, API_KEY, SIGV4]);
        }
        Ok(builder.build()?)
    }

    /// The keys that may sign receipts; `flag` is the value of `--signer`.
    pub(crate) fn pinned(&self, flag: &[VerifyingKey]) -> Result<Vec<VerifyingKey>, CliError> {
        if !flag.is_empty() {
            return Ok(flag.to_vec());
        }
        if self.flag.is_none()
            && let Some(keys) = variable(SIGNERS)
        {
            return parse_signers(&keys).map_err(|error| CliError::usage(format!("{SIGNERS}: {error}")));
        }
        let file = self.find_file()?.ok_or_else(|| {
            CliError::usage(format!("no signer to verify with: neither --signer nor {SIGNERS} is given"))
                .hint(
                    "`amaas keys signer MODEL` shows who signs for a model, and `amaas keys signer dev` for `amaas dev`; ask \
                     the operator of the service",
                )
        })?;
        self.report_source(&file, "signers", &[]);
        file.signers()
    }

    /// The model store; `flag` is the value of `--store`.
    pub(crate) async fn store(&self, flag: Option<&str>) -> Result<ModelStore, CliError> {
        if let Some(uri) = self.named(STORE, flag) {
            let store = Store::open(&uri, &S3Options::default()).await?;
            return Ok(ModelStore { store, uri, endpoint: None });
        }
        let file = self.file()?;
        let (uri, url) = (file.bucket()?.to_owned(), file.variable(S3_ENDPOINT)?.to_owned());
        self.report_source(&file, &format!("store {uri} at {url}"), &[KMS_KEY, SIGNING_KEY]);
        let endpoint = S3Endpoint {
            url: url.clone(),
            access_key_id: file.variable(S3_KEY_ID)?.to_owned(),
            secret_access_key: file.variable(S3_SECRET)?.to_owned(),
        };
        let store = Store::open(&uri, &S3Options { endpoint: Some(endpoint) }).await?;
        Ok(ModelStore { store, uri, endpoint: Some(url) })
    }

    /// The vault for the keys of the store that `store` names; `flag` is the value of `--kms-key`.
    pub(crate) async fn vault(&self, store: Option<&str>, flag: Option<&str>) -> Result<Vault, CliError> {
        let key = self.setting_for_place((STORE, store), flag, KMS_KEY)?.ok_or_else(|| {
            CliError::usage("no key to seal with: neither --kms-key nor AMAAS_KMS_KEY is given")
                .hint("a key of KMS (id, ARN or alias/NAME), or file:PATH; `amaas publish --unsealed` needs none")
        })?;
        Ok(Vault::open(&key).await?)
    }

    /// The file of the publisher's key for the store that `store` names; `flag` is the value of `--signing-key`.
    pub(crate) fn signing_key(&self, store: Option<&str>, flag: Option<&Path>) -> Result<PathBuf, CliError> {
        let flag = flag.map(|path| path.to_string_lossy().into_owned());
        Ok(self.setting_for_place((STORE, store), flag.as_deref(), SIGNING_KEY)?.ok_or_else(no_signing_key)?.into())
    }

    /// The publishers that are trusted in the store that `store` names.
    pub(crate) fn publishers(&self, store: Option<&str>) -> Result<Vec<VerifyingKey>, CliError> {
        if self.flag.is_none()
            && let Some(keys) = variable(PUBLISHERS)
        {
            return parse_signers(&keys).map_err(|error| CliError::usage(format!("{PUBLISHERS}: {error}")));
        }
        // A user who can publish here trusts models published here.
        let signer = self.signing_key(store, None).map_err(|error| {
            error.hint(
                "AMAAS_PUBLISHERS names the trusted publishers' keys, which `amaas signer` shows to each publisher",
            )
        })?;
        Ok(vec![SignerFile::open(&signer).map_err(CliError::usage)?.verifying_key()])
    }

    /// The file of the publisher's key, for commands that sign nothing with it.
    pub(crate) fn signing_key_to_show(&self, flag: Option<&Path>) -> Result<PathBuf, CliError> {
        if let Some(path) = flag {
            return Ok(path.to_owned());
        }
        if self.flag.is_none()
            && let Some(path) = variable(SIGNING_KEY)
        {
            return Ok(path.into());
        }
        self.signing_key(None, None)
    }

    /// A setting that belongs to the store or the ledger, and comes from the same source: a key of `amaas dev` is never used for another
    /// place, nor a key of the environment for a place from a file. `flag` is the setting's flag, `named` the flag of the place.
    fn setting_for_place(
        &self,
        (place, named): (&str, Option<&str>),
        flag: Option<&str>,
        name: &str,
    ) -> Result<Option<String>, CliError> {
        if let Some(value) = flag {
            return Ok(Some(value.to_owned()));
        }
        if self.named(place, named).is_none() {
            return Ok(Some(self.file()?.own_file(name)?));
        }
        Ok(if self.flag.is_none() { variable(name) } else { None })
    }

    /// The place that the user named, by its own flag or in the environment.
    fn named(&self, place: &str, flag: Option<&str>) -> Option<String> {
        flag.map(str::to_owned).or_else(|| self.flag.is_none().then(|| variable(place)).flatten())
    }

    /// Whether the user named the folder by an absolute path or by the flag.
    pub(crate) fn is_data_named(&self) -> bool {
        self.flag.is_some() || self.named_data().is_some_and(|data| data.is_absolute())
    }

    /// The folder that the user named, by the flag or in the environment.
    fn named_data(&self) -> Option<PathBuf> {
        self.flag.clone().or_else(|| std::env::var_os(DATA).filter(|data| !data.is_empty()).map(PathBuf::from))
    }

    fn file(&self) -> Result<DevFile, CliError> {
        self.find_file()?.ok_or_else(|| {
            let place = self.data();
            CliError::usage(format!("no service is configured: there is no {}", place.join("env").display()))
                .hint(DEV_HINT)
        })
    }

    fn find_file(&self) -> Result<Option<DevFile>, CliError> {
        let lookup = EnvFileLookup::from_env();
        let found = match &self.flag {
            Some(flag) => lookup.named(flag)?,
            None => lookup.find(self.named_data().as_deref(), &std::env::current_dir().map_err(CliError::process)?)?,
        };
        Ok(found.map(DevFile::from))
    }

    /// Reports from which file the command takes `what`, and which variables of the environment are not used with it.
    fn report_source(&self, file: &DevFile, what: &str, beside: &[&str]) {
        if self.is_reported.set(()).is_err() {
            return;
        }
        let unused: Vec<_> = beside.iter().filter(|name| variable(name).is_some()).collect();
        if self.json {
            return output::note(serde_json::json!({
                "using": { "file": file.path(), "what": what, "unused_variables": unused }
            }));
        }
        let mut line = format!("using {}: {what}", file.path().display());
        for name in unused {
            line.extend(["; ", name, " of the environment is not used with it"]);
        }
        output::note(line);
    }
}

fn no_signing_key() -> CliError {
    CliError::usage("no key to sign with: neither --signing-key nor AMAAS_SIGNING_KEY is given")
        .hint("`amaas signer --create --signing-key FILE` makes one")
}

/// A variable of the environment; one that is empty counts as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

const DEV_HINT: &str = "run `amaas dev` in another terminal, or set AMAAS_ENDPOINT and AMAAS_API_KEY (AMAAS_STORE for what is published, \
                   AMAAS_LEDGER for keys, tenants, prices and usage)";
const DATA: &str = "AMAAS_DATA";
const SIGV4: &str = "AMAAS_SIGV4";
