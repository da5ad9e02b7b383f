//! Where the command finds the service and the store. What comes first wins: the flag of the one thing (`--store`), the
//! flag of all (`--data`), the environment, the file that `amaas dev` wrote here or in a folder above.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use amaas::env_file::{self, EnvFile};
use amaas::{ApiKey, Client};
use amaas_serve::store::{S3Endpoint, S3Options, Store};
use amaas_serve::vault::Vault;
use amaas_wire::dsse::VerifyingKey;

use crate::failure::Failure;
use crate::secrets::Secrets;

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
        let keys = file.variable(SIGNERS)?.split(',').map(str::parse).collect::<Result<Vec<VerifyingKey>, _>>();
        let keys = keys.map_err(|error| Failure::usage(format!("the env file's {SIGNERS}: {error}")).try_this(DEV))?;
        let builder = Client::builder().endpoint(file.variable(ENDPOINT)?).api_key(file.variable(API_KEY)?);
        Ok(builder.signers(keys).build()?)
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

    /// What unwraps and wraps keys for the store that `store` says; `flag` is what `--kms-key` says.
    pub(crate) async fn vault(&self, store: Option<&str>, flag: Option<&str>) -> Result<Vault, Failure> {
        let key = self.beside_store(store, flag, KMS_KEY)?.ok_or_else(|| {
            Failure::usage("no key to seal with: neither --kms-key nor AMAAS_KMS_KEY is given")
                .try_this("a key of KMS (id, ARN or alias/NAME), or file:PATH; `amaas publish --unsealed` needs none")
        })?;
        Ok(Vault::open(&key).await?)
    }

    /// The file of the publisher's key; `flag` is what `--signing-key` says.
    pub(crate) fn signing_key(&self, store: Option<&str>, flag: Option<&Path>) -> Result<PathBuf, Failure> {
        let flag = flag.map(|path| path.to_string_lossy().into_owned());
        let path = self.beside_store(store, flag.as_deref(), SIGNING_KEY)?.ok_or_else(|| {
            Failure::usage("no key to sign with: neither --signing-key nor AMAAS_SIGNING_KEY is given")
                .try_this("`amaas signer --create --signing-key FILE` makes one")
        })?;
        Ok(path.into())
    }

    /// A setting that comes from where the store comes from: a key of `amaas dev` is never used for another store.
    fn beside_store(&self, store: Option<&str>, flag: Option<&str>, name: &str) -> Result<Option<String>, Failure> {
        if let Some(value) = flag {
            return Ok(Some(value.to_owned()));
        }
        if self.flag.is_none()
            && let Some(value) = variable(name)
        {
            return Ok(Some(value));
        }
        if store.is_some() || (self.flag.is_none() && variable(STORE).is_some()) {
            return Ok(None);
        }
        self.file()?.variable(name).map(|value| Some(value.to_owned()))
    }

    /// The folder that somebody named, by the flag or in the environment.
    fn named_data(&self) -> Option<PathBuf> {
        self.flag.clone().or_else(|| std::env::var_os(DATA).filter(|data| !data.is_empty()).map(PathBuf::from))
    }

    fn file(&self) -> Result<DevFile, Failure> {
        let here = std::env::current_dir().map_err(Failure::process)?;
        let path = env_file::locate(self.named_data().as_deref(), &here).ok_or_else(|| {
            let place = self.data();
            Failure::usage(format!("no service is configured: there is no {}", place.join("env").display()))
                .try_this(DEV)
        })?;
        Ok(DevFile(EnvFile::load(&path)?))
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

/// Keys as `AMAAS_SIGNERS` has them.
pub(crate) fn signers(keys: &[VerifyingKey]) -> String {
    keys.iter().map(VerifyingKey::to_string).collect::<Vec<_>>().join(",")
}

/// What `amaas dev` tells every other command, in `DATA/env`.
pub(crate) struct DevEnvironment<'a> {
    pub(crate) endpoint: String,
    pub(crate) key: &'a ApiKey,
    pub(crate) store: String,
    pub(crate) s3: &'a S3Endpoint,
    pub(crate) secrets: &'a Secrets,
    pub(crate) signers: &'a [VerifyingKey],
}

impl DevEnvironment<'_> {
    /// Writes the file, which only its owner may read: it holds a key.
    pub(crate) fn write(&self, data: &Path) -> Result<PathBuf, Failure> {
        let path = data.join("env");
        let text = format!(
            "# Written by `amaas dev`; holds while it runs.\n\
             {ENDPOINT}={}\n{API_KEY}={}\n{STORE}={}\n{S3_ENDPOINT}={}\n{S3_KEY_ID}={}\n{S3_SECRET}={}\nAWS_REGION=us-east-1\n\
             {KMS_KEY}={}\n{SIGNING_KEY}={}\n{PUBLISHERS}={}\n{SIGNERS}={}\n",
            self.endpoint,
            self.key.expose(),
            self.store,
            self.s3.url,
            self.s3.access_key_id,
            self.s3.secret_access_key,
            self.secrets.kms_key(),
            self.secrets.signing_key().display(),
            self.secrets.publisher(),
            signers(self.signers),
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
const STORE: &str = "AMAAS_STORE";
const KMS_KEY: &str = "AMAAS_KMS_KEY";
const SIGNING_KEY: &str = "AMAAS_SIGNING_KEY";
const SIGNERS: &str = "AMAAS_SIGNERS";
const PUBLISHERS: &str = "AMAAS_PUBLISHERS";
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
const S3_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const S3_SECRET: &str = "AWS_SECRET_ACCESS_KEY";
