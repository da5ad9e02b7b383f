//! Where the command finds the service, the store and the ledger. What comes first wins: the flag of the one thing (`--store`), the
//! flag of all (`--data`), the environment, the file that `amaas dev` wrote here or in a folder above (`amaas_env` says which).
//!
//! Invariant: what belongs together comes from one source. With an endpoint, a store or a ledger of a file, no key of the environment
//! is used, and no AWS credentials are: the file has those of its store, and its keys are files in its own folder. What a flag says is
//! used with anything. The file is named on standard error, once, before it is used.

mod dev_file;
mod ledger;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use amaas::{Client, ClientBuilder};
use amaas_env::{EnvFileLookup, file_in_use};
use amaas_model::at_rest::SignerFile;
use amaas_store::vault::Vault;
use amaas_store::{S3Endpoint, S3Options, Store};
use amaas_wire::dsse::{DsseError, VerifyingKey};

use self::dev_file::DevFile;
pub(crate) use self::ledger::Opens;
use crate::error::CliError;
use crate::output;

/// The settings of one command.
pub(crate) struct Settings {
    /// What `--data` says.
    flag: Option<PathBuf>,
    /// Whether to print JSON.
    pub(crate) json: bool,
    /// Set once a person was told of the file.
    told: OnceCell<()>,
}

/// A model store, and how a person knows it.
pub(crate) struct ModelStore {
    pub(crate) store: Store,
    /// Such as `s3://bucket/prefix`.
    pub(crate) uri: String,
    /// The endpoint, where it is not AWS's own.
    pub(crate) endpoint: Option<String>,
}

impl Settings {
    pub(crate) fn new(flag: Option<PathBuf>, json: bool) -> Self {
        Self { flag, json, told: OnceCell::new() }
    }

    /// The folder that `amaas dev` keeps everything in.
    pub(crate) fn data(&self) -> PathBuf {
        self.named_data().unwrap_or_else(|| PathBuf::from(".amaas"))
    }

    /// What another command has to say to find this folder too.
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
            self.tell(&file, &format!("endpoint {}", file.endpoints()), &[ENDPOINT, API_KEY, SIGV4]);
        }
        Ok(builder.build()?)
    }

    /// Who may have signed a receipt; `flag` is what `--signer` says.
    pub(crate) fn pinned(&self, flag: &[VerifyingKey]) -> Result<Vec<VerifyingKey>, CliError> {
        if !flag.is_empty() {
            return Ok(flag.to_vec());
        }
        if self.flag.is_none()
            && let Some(keys) = variable(SIGNERS)
        {
            return parse_signers(&keys).map_err(|error| CliError::usage(format!("{SIGNERS}: {error}")));
        }
        let file = self.file_where_there()?.ok_or_else(|| {
            CliError::usage(format!("no signer to verify with: neither --signer nor {SIGNERS} is given"))
                .hint(
                    "`amaas keys signer MODEL` shows who signs for a model, beside `amaas dev` `amaas keys signer dev`; ask \
                     whoever runs the service",
                )
        })?;
        self.tell(&file, "signers", &[]);
        file.signers()
    }

    /// The model store; `flag` is what `--store` says.
    pub(crate) async fn store(&self, flag: Option<&str>) -> Result<ModelStore, CliError> {
        if let Some(uri) = self.named(STORE, flag) {
            let store = Store::open(&uri, &S3Options::default()).await?;
            return Ok(ModelStore { store, uri, endpoint: None });
        }
        let file = self.file()?;
        let (uri, url) = (file.bucket()?.to_owned(), file.variable(S3_ENDPOINT)?.to_owned());
        self.tell(&file, &format!("store {uri} at {url}"), &[KMS_KEY, SIGNING_KEY]);
        let endpoint = S3Endpoint {
            url: url.clone(),
            access_key_id: file.variable(S3_KEY_ID)?.to_owned(),
            secret_access_key: file.variable(S3_SECRET)?.to_owned(),
        };
        let store = Store::open(&uri, &S3Options { endpoint: Some(endpoint) }).await?;
        Ok(ModelStore { store, uri, endpoint: Some(url) })
    }

    /// What unwraps and wraps keys for the store that `store` says; `flag` is what `--kms-key` says.
    pub(crate) async fn vault(&self, store: Option<&str>, flag: Option<&str>) -> Result<Vault, CliError> {
        let key = self.beside((STORE, store), flag, KMS_KEY)?.ok_or_else(|| {
            CliError::usage("no key to seal with: neither --kms-key nor AMAAS_KMS_KEY is given")
                .hint("a key of KMS (id, ARN or alias/NAME), or file:PATH; `amaas publish --unsealed` needs none")
        })?;
        Ok(Vault::open(&key).await?)
    }

    /// The file of the publisher's key, to sign what goes to the store that `store` says; `flag` is what `--signing-key` says.
    pub(crate) fn signing_key(&self, store: Option<&str>, flag: Option<&Path>) -> Result<PathBuf, CliError> {
        let flag = flag.map(|path| path.to_string_lossy().into_owned());
        Ok(self.beside((STORE, store), flag.as_deref(), SIGNING_KEY)?.ok_or_else(no_signing_key)?.into())
    }

    /// Who may have signed what is in the store that `store` says.
    pub(crate) fn publishers(&self, store: Option<&str>) -> Result<Vec<VerifyingKey>, CliError> {
        if self.flag.is_none()
            && let Some(keys) = variable(PUBLISHERS)
        {
            return parse_signers(&keys).map_err(|error| CliError::usage(format!("{PUBLISHERS}: {error}")));
        }
        // Whoever can publish here trusts what is published here.
        let signer = self.signing_key(store, None).map_err(|error| {
            error.hint(
                "AMAAS_PUBLISHERS names whose models are trusted, as `amaas signer` shows the key of whoever publishes",
            )
        })?;
        Ok(vec![SignerFile::open(&signer).map_err(CliError::usage)?.verifying_key()])
    }

    /// The file of the publisher's key where nothing is signed with it.
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

    /// A setting that comes from where the store or the ledger comes from: a key of `amaas dev` is never used for another place, nor one
    /// of the environment for a place that a file names. `flag` and `named` are what the flags of the setting and of that place say.
    fn beside(
        &self,
        (place, named): (&str, Option<&str>),
        flag: Option<&str>,
        name: &str,
    ) -> Result<Option<String>, CliError> {
        if let Some(value) = flag {
            return Ok(Some(value.to_owned()));
        }
        if self.named(place, named).is_none() {
            return Ok(Some(self.file()?.own(name)?));
        }
        Ok(if self.flag.is_none() { variable(name) } else { None })
    }

    /// The place that somebody named, by its own flag or in the environment.
    fn named(&self, place: &str, flag: Option<&str>) -> Option<String> {
        flag.map(str::to_owned).or_else(|| self.flag.is_none().then(|| variable(place)).flatten())
    }

    /// Whether a person named the folder so that it is the same from everywhere.
    pub(crate) fn is_data_named(&self) -> bool {
        self.flag.is_some() || self.named_data().is_some_and(|data| data.is_absolute())
    }

    /// The folder that somebody named, by the flag or in the environment.
    fn named_data(&self) -> Option<PathBuf> {
        self.flag.clone().or_else(|| std::env::var_os(DATA).filter(|data| !data.is_empty()).map(PathBuf::from))
    }

    fn file(&self) -> Result<DevFile, CliError> {
        self.file_where_there()?.ok_or_else(|| {
            let place = self.data();
            CliError::usage(format!("no service is configured: there is no {}", place.join("env").display())).hint(DEV)
        })
    }

    fn file_where_there(&self) -> Result<Option<DevFile>, CliError> {
        let lookup = EnvFileLookup::from_env();
        let found = match &self.flag {
            Some(flag) => lookup.named(flag)?,
            None => lookup.find(self.named_data().as_deref(), &std::env::current_dir().map_err(CliError::process)?)?,
        };
        Ok(found.map(DevFile::from))
    }

    /// Tells a person which file the command takes `what` from, and which variables of the environment are not used with it.
    fn tell(&self, file: &DevFile, what: &str, beside: &[&str]) {
        if self.told.set(()).is_err() {
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

/// Keys as `AMAAS_SIGNERS` has them.
pub(crate) fn signers(keys: &[VerifyingKey]) -> String {
    keys.iter().map(VerifyingKey::to_string).collect::<Vec<_>>().join(",")
}

/// The reverse of [`signers`].
fn parse_signers(keys: &str) -> Result<Vec<VerifyingKey>, DsseError> {
    keys.split(',').map(|key| key.trim().parse()).collect()
}

const DEV: &str = "run `amaas dev` in another terminal, or set AMAAS_ENDPOINT and AMAAS_API_KEY (AMAAS_STORE for what is published, \
                   AMAAS_LEDGER for keys, tenants, prices and usage)";
const DATA: &str = "AMAAS_DATA";
const ENDPOINT: &str = "AMAAS_ENDPOINT";
const API_KEY: &str = "AMAAS_API_KEY";
const SIGV4: &str = "AMAAS_SIGV4";
const STORE: &str = "AMAAS_STORE";
const LEDGER: &str = "AMAAS_LEDGER";
const KMS_KEY: &str = "AMAAS_KMS_KEY";
const SIGNING_KEY: &str = "AMAAS_SIGNING_KEY";
const SIGNERS: &str = "AMAAS_SIGNERS";
const PUBLISHERS: &str = "AMAAS_PUBLISHERS";
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
const S3_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const S3_SECRET: &str = "AWS_SECRET_ACCESS_KEY";
