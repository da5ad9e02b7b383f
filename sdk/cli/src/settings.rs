//! Where the command finds the service, the store and the ledger. What comes first wins: the flag of the one thing (`--store`), the
//! flag of all (`--data`), the environment, the file that `amaas dev` wrote here or in a folder above.

mod dev_file;
mod ledger;

use std::path::{Path, PathBuf};

use amaas::Client;
use amaas::env_file;
use amaas_serve::store::{S3Endpoint, S3Options, Store};
use amaas_serve::vault::Vault;
use amaas_wire::dsse::{DsseError, VerifyingKey};

use self::dev_file::DevFile;
pub(crate) use self::dev_file::{DevEnvironment, quoted};
pub(crate) use self::ledger::Opens;
use crate::failure::Failure;

/// The settings of one command.
pub(crate) struct Settings {
    /// What `--data` says.
    flag: Option<PathBuf>,
    /// Whether to print JSON.
    pub(crate) json: bool,
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
        Self { flag, json }
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
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        if self.flag.is_none() {
            return Ok(Client::from_env()?);
        }
        let file = self.file()?;
        let builder = Client::builder().endpoint(file.variable(ENDPOINT)?).api_key(file.variable(API_KEY)?);
        Ok(builder.signers(file.signers()?).build()?)
    }

    /// Who may have signed a receipt; `flag` is what `--signer` says.
    pub(crate) fn pinned(&self, flag: &[VerifyingKey]) -> Result<Vec<VerifyingKey>, Failure> {
        if !flag.is_empty() {
            return Ok(flag.to_vec());
        }
        if self.flag.is_none()
            && let Some(keys) = variable(SIGNERS)
        {
            return parse_signers(&keys).map_err(|error| Failure::usage(format!("{SIGNERS}: {error}")));
        }
        let file = self.file_where_there()?.ok_or_else(|| {
            Failure::usage(format!("no signer to verify with: neither --signer nor {SIGNERS} is given"))
                .try_this("`amaas keys signer MODEL` shows who signs for a model; ask whoever runs the service")
        })?;
        file.signers()
    }

    /// The model store; `flag` is what `--store` says.
    pub(crate) async fn store(&self, flag: Option<&str>) -> Result<ModelStore, Failure> {
        if let Some(uri) = self.named(STORE, flag) {
            let store = Store::open(&uri, &S3Options::default()).await?;
            return Ok(ModelStore { store, uri, endpoint: None });
        }
        let file = self.file()?;
        let (uri, url) = (file.variable(STORE)?.to_owned(), file.variable(S3_ENDPOINT)?.to_owned());
        let endpoint = S3Endpoint {
            url: url.clone(),
            access_key_id: file.variable(S3_KEY_ID)?.to_owned(),
            secret_access_key: file.variable(S3_SECRET)?.to_owned(),
        };
        let store = Store::open(&uri, &S3Options { endpoint: Some(endpoint) }).await?;
        Ok(ModelStore { store, uri, endpoint: Some(url) })
    }

    /// What unwraps and wraps keys for the store that `store` says; `flag` is what `--kms-key` says.
    pub(crate) async fn vault(&self, store: Option<&str>, flag: Option<&str>) -> Result<Vault, Failure> {
        let key = self.beside((STORE, store), flag, KMS_KEY)?.ok_or_else(|| {
            Failure::usage("no key to seal with: neither --kms-key nor AMAAS_KMS_KEY is given")
                .try_this("a key of KMS (id, ARN or alias/NAME), or file:PATH; `amaas publish --unsealed` needs none")
        })?;
        Ok(Vault::open(&key).await?)
    }

    /// The file of the publisher's key; `flag` is what `--signing-key` says.
    pub(crate) fn signing_key(&self, store: Option<&str>, flag: Option<&Path>) -> Result<PathBuf, Failure> {
        let flag = flag.map(|path| path.to_string_lossy().into_owned());
        let path = self.beside((STORE, store), flag.as_deref(), SIGNING_KEY)?.ok_or_else(|| {
            Failure::usage("no key to sign with: neither --signing-key nor AMAAS_SIGNING_KEY is given")
                .try_this("`amaas signer --create --signing-key FILE` makes one")
        })?;
        Ok(path.into())
    }

    /// A setting that comes from where the store or the ledger comes from: a key of `amaas dev` is never used for another. `flag` and
    /// `named` are what the flags of the setting and of that place say.
    fn beside(
        &self,
        (place, named): (&str, Option<&str>),
        flag: Option<&str>,
        name: &str,
    ) -> Result<Option<String>, Failure> {
        if let Some(value) = flag {
            return Ok(Some(value.to_owned()));
        }
        if self.flag.is_none()
            && let Some(value) = variable(name)
        {
            return Ok(Some(value));
        }
        if self.named(place, named).is_some() {
            return Ok(None);
        }
        self.file()?.variable(name).map(|value| Some(value.to_owned()))
    }

    /// The place that somebody named, by its own flag or in the environment.
    fn named(&self, place: &str, flag: Option<&str>) -> Option<String> {
        flag.map(str::to_owned).or_else(|| self.flag.is_none().then(|| variable(place)).flatten())
    }

    /// The folder that somebody named, by the flag or in the environment.
    fn named_data(&self) -> Option<PathBuf> {
        self.flag.clone().or_else(|| std::env::var_os(DATA).filter(|data| !data.is_empty()).map(PathBuf::from))
    }

    fn file(&self) -> Result<DevFile, Failure> {
        self.file_where_there()?.ok_or_else(|| {
            let place = self.data();
            Failure::usage(format!("no service is configured: there is no {}", place.join("env").display()))
                .try_this(DEV)
        })
    }

    fn file_where_there(&self) -> Result<Option<DevFile>, Failure> {
        let here = std::env::current_dir().map_err(Failure::process)?;
        let path = env_file::locate(self.named_data().as_deref(), &here);
        path.map(|path| DevFile::load(&path)).transpose()
    }
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
const STORE: &str = "AMAAS_STORE";
const LEDGER: &str = "AMAAS_LEDGER";
const KMS_KEY: &str = "AMAAS_KMS_KEY";
const SIGNING_KEY: &str = "AMAAS_SIGNING_KEY";
const SIGNERS: &str = "AMAAS_SIGNERS";
const PUBLISHERS: &str = "AMAAS_PUBLISHERS";
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
const S3_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const S3_SECRET: &str = "AWS_SECRET_ACCESS_KEY";
