//! Where the command finds the service and the store. What comes first wins: the flag of the one thing (`--store`), the
//! flag of all (`--data`), the environment, the file that `amaas dev` wrote here or in a folder above.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use amaas::env_file::{self, EnvFile};
use amaas::{ApiKey, Client};
use amaas_serve::seal::KeySet;
use amaas_serve::store::{S3Endpoint, S3Options, Store};
use amaas_serve::vault::{FileKey, Vault};

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
        Ok(Client::builder().endpoint(file.variable(ENDPOINT)?).api_key(file.variable(API_KEY)?).build()?)
    }

    /// The model store; `flag` is what `--store` says.
    pub(crate) async fn store(&self, flag: Option<&str>) -> Result<ModelStore, Failure> {
        let named = flag.map(str::to_owned).or_else(|| self.flag.is_none().then(|| variable(STORE)).flatten());
        if let Some(uri) = named {
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

    /// What wraps small secrets; `flag` is what `--kms-key` says.
    pub(crate) async fn vault(&self, flag: Option<&str>) -> Result<Vault, Failure> {
        let named = flag.map(str::to_owned).or_else(|| self.flag.is_none().then(|| variable(KMS_KEY)).flatten());
        if let Some(uri) = named {
            return Ok(Vault::open(&uri).await?);
        }
        let env = self.env_file()?;
        Ok(Vault::File(FileKey::open(&env.with_file_name(KMS_FILE))?))
    }

    /// The folder that somebody named, by the flag or in the environment.
    fn named_data(&self) -> Option<PathBuf> {
        self.flag.clone().or_else(|| std::env::var_os(DATA).filter(|data| !data.is_empty()).map(PathBuf::from))
    }

    fn file(&self) -> Result<DevFile, Failure> {
        Ok(DevFile(EnvFile::load(&self.env_file()?)?))
    }

    fn env_file(&self) -> Result<PathBuf, Failure> {
        let here = std::env::current_dir().map_err(Failure::process)?;
        env_file::locate(self.named_data().as_deref(), &here).ok_or_else(|| {
            let place = self.data();
            Failure::usage(format!("no service is configured: there is no {}", place.join("env").display()))
                .try_this(DEV)
        })
    }
}

/// The file that `amaas dev` wrote.
struct DevFile(EnvFile);

impl DevFile {
    fn variable(&self, name: &str) -> Result<&str, Failure> {
        self.0.variable(name).ok_or_else(|| Failure::usage(format!("the env file has no {name}")).try_this(DEV))
    }
}

/// A variable of the environment; one that is empty counts as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Writes a file that only its owner may read; who reads meanwhile sees the old one or the new one.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(bytes)?;
    std::fs::rename(&partial, path)
}

/// What wraps small secrets on this machine: the key of the last time, or a new one.
pub(crate) fn dev_vault(data: &Path) -> Result<Vault, Failure> {
    let path = data.join(KMS_FILE);
    let key = if path.exists() { FileKey::open(&path) } else { FileKey::create(&path) };
    Ok(Vault::File(key?))
}

/// What `amaas dev` tells every other command, in `DATA/env`.
pub(crate) struct DevEnvironment<'a> {
    pub(crate) endpoint: String,
    pub(crate) key: &'a ApiKey,
    pub(crate) store: String,
    pub(crate) s3: &'a S3Endpoint,
    /// Who signs the keys of sealed calls.
    pub(crate) signers: &'a KeySet,
}

impl DevEnvironment<'_> {
    /// Writes the file, which only its owner may read: it holds a key.
    pub(crate) fn write(&self, data: &Path) -> Result<PathBuf, Failure> {
        let path = data.join("env");
        let signers: Vec<_> = self.signers.signers().iter().map(ToString::to_string).collect();
        let text = format!(
            "# Written by `amaas dev`; holds while it runs.\n\
             {ENDPOINT}={}\n{API_KEY}={}\n{STORE}={}\n{S3_ENDPOINT}={}\n{S3_KEY_ID}={}\n{S3_SECRET}={}\n{SIGNERS}={}\nAWS_REGION=us-east-1\n",
            self.endpoint,
            self.key.expose(),
            self.store,
            self.s3.url,
            self.s3.access_key_id,
            self.s3.secret_access_key,
            signers.join(",")
        );
        write_secret(&path, text.as_bytes()).map_err(|error| Failure::file(&path, &error))?;
        Ok(path)
    }

    /// The key that an earlier `amaas dev` wrote.
    pub(crate) fn earlier_key(data: &Path) -> Option<ApiKey> {
        EnvFile::load(&data.join("env")).ok()?.variable(API_KEY)?.parse().ok()
    }
}

const DEV: &str =
    "run `amaas dev` in another terminal, or set AMAAS_ENDPOINT and AMAAS_API_KEY (AMAAS_STORE for publish and keys)";
const DATA: &str = "AMAAS_DATA";
const ENDPOINT: &str = "AMAAS_ENDPOINT";
const API_KEY: &str = "AMAAS_API_KEY";
const SIGNERS: &str = "AMAAS_SIGNERS";
const KMS_KEY: &str = "AMAAS_KMS_KEY";
const KMS_FILE: &str = "kms.key";
const STORE: &str = "AMAAS_STORE";
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
const S3_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const S3_SECRET: &str = "AWS_SECRET_ACCESS_KEY";
