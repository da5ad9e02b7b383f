//! Where the command finds the service and the store: the environment, or what `amaas dev` wrote.

use std::path::{Path, PathBuf};

use amaas::env_file::{self, EnvFile};
use amaas::{ApiKey, Client};
use amaas_serve::store::{S3Endpoint, S3Options, Store};

use crate::failure::Failure;

/// The settings of one command.
pub(crate) struct Settings {
    data: Option<PathBuf>,
    /// Whether to print JSON.
    pub(crate) json: bool,
}

impl Settings {
    pub(crate) fn new(data: Option<PathBuf>, json: bool) -> Self {
        Self { data, json }
    }

    /// The folder that `amaas dev` keeps everything in.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from(".amaas"))
    }

    /// What another command has to say to find this folder too.
    pub(crate) fn data_argument(&self) -> String {
        self.data.as_ref().map(|data| format!(" --data {}", data.display())).unwrap_or_default()
    }

    /// A client of the service: that of the environment, or of the file that `amaas dev` wrote.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        if self.data.is_none() || std::env::var_os("AMAAS_ENDPOINT").is_some_and(|value| !value.is_empty()) {
            return Ok(Client::from_env()?);
        }
        let file = self.file()?;
        let variable = |name: &str| {
            file.variable(name).ok_or_else(|| Failure::usage(format!("the env file has no {name}")).try_this(DEV))
        };
        Ok(Client::builder().endpoint(variable(ENDPOINT)?).api_key(variable(API_KEY)?).build()?)
    }

    /// The model store: `store`, or that of `amaas dev`.
    pub(crate) async fn store(&self, store: Option<&str>) -> Result<Store, Failure> {
        if let Some(uri) = store {
            return Ok(Store::open(uri, &S3Options::default()).await?);
        }
        let file = self.file()?;
        let variable = |name: &str| {
            let value = file.variable(name).map(str::to_owned);
            value.ok_or_else(|| Failure::usage(format!("the env file has no {name}")).try_this(DEV))
        };
        let endpoint = S3Endpoint {
            url: variable(S3_ENDPOINT)?,
            access_key_id: variable(S3_KEY_ID)?,
            secret_access_key: variable(S3_SECRET)?,
        };
        Ok(Store::open(&variable(STORE)?, &S3Options { endpoint: Some(endpoint) }).await?)
    }

    fn file(&self) -> Result<EnvFile, Failure> {
        let here = std::env::current_dir().map_err(Failure::process)?;
        let path = env_file::locate(self.data.as_deref(), &here).ok_or_else(|| {
            let place = self.data();
            Failure::usage(format!("no service is configured: there is no {}", place.join("env").display()))
                .try_this(DEV)
        })?;
        Ok(EnvFile::load(&path)?)
    }
}

/// What `amaas dev` tells every other command, in `DATA/env`.
pub(crate) struct DevEnvironment<'a> {
    pub(crate) endpoint: String,
    pub(crate) key: &'a ApiKey,
    pub(crate) store: String,
    pub(crate) s3: &'a S3Endpoint,
}

impl DevEnvironment<'_> {
    /// Writes the file, which only its owner may read: it holds a key.
    pub(crate) fn write(&self, data: &Path) -> Result<PathBuf, Failure> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let path = data.join("env");
        let partial = data.join("env.partial");
        let text = format!(
            "# Written by `amaas dev`; holds while it runs.\n\
             {ENDPOINT}={}\n{API_KEY}={}\n{STORE}={}\n{S3_ENDPOINT}={}\n{S3_KEY_ID}={}\n{S3_SECRET}={}\nAWS_REGION=us-east-1\n",
            self.endpoint,
            self.key.expose(),
            self.store,
            self.s3.url,
            self.s3.access_key_id,
            self.s3.secret_access_key
        );
        let write = || {
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
            file.write_all(text.as_bytes())?;
            std::fs::rename(&partial, &path)
        };
        write().map_err(|error| Failure::file(&path, &error))?;
        Ok(path)
    }

    /// The key that an earlier `amaas dev` wrote.
    pub(crate) fn earlier_key(data: &Path) -> Option<ApiKey> {
        EnvFile::load(&data.join("env")).ok()?.variable(API_KEY)?.parse().ok()
    }
}

const DEV: &str =
    "run `amaas dev` in another terminal, or set AMAAS_ENDPOINT and AMAAS_API_KEY (AMAAS_STORE for publish and keys)";
const ENDPOINT: &str = "AMAAS_ENDPOINT";
const API_KEY: &str = "AMAAS_API_KEY";
const STORE: &str = "AMAAS_STORE";
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
const S3_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const S3_SECRET: &str = "AWS_SECRET_ACCESS_KEY";
