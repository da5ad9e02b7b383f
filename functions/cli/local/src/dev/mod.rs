//! `dev`: object store, ledger, models, functions and an API key, all in this process.
//!
//! It is generic over tasks and bundled models: the CLI serves all models of this repository, a function's own `dev` serves its own.

mod data;
mod env_file;
mod error;
mod first_call;
mod key;
mod report;
mod secrets;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use amaas::Client;
use amaas_access::{Accounts, AccountsError};
use amaas_engine::RuntimeConfig;
use amaas_env::{EnvFileLookup, EnvVariables};
use amaas_ledger::LedgerLocation;
use amaas_model::load::TrustPolicy;
use amaas_model::manifest::ManifestError;
use amaas_model::publish::{Publication, PublishOutcome, Publisher, is_published, is_removed, publish, sign_aliases};
use amaas_model::task::Tasks;
use amaas_serve::config::AllowedOrigins;
use amaas_serve::host::{self, Server};
use amaas_serve::sealing::{KeySet, ReplayPolicy, SealingError, SealingPolicy};
use amaas_serve::{AppState, Backends, Limits, stop_signal};
use amaas_store::{Alias, ModelName, S3Endpoint, S3Options, Store, live};

use self::env_file::DevEnvironment;
use self::secrets::DevSecrets;
use crate::env_variables::{S3_ENDPOINT, S3_KEY_ID, S3_SECRET};
use crate::object_store::{BUCKET, ObjectStore};
use crate::{library, watch};

pub use self::env_file::quoted;
pub use self::error::DevError;
pub use self::first_call::FirstCall;
pub use self::report::StartupReport;
pub(crate) use self::report::model_table;

/// Makes the publication of a bundled model, under an alias.
pub type ModelBundle = fn(Alias) -> Result<Publication, ManifestError>;

/// The content of a host: its tasks, and the models that it publishes when it starts.
#[derive(Clone)]
pub struct HostedModels {
    /// The tasks.
    pub tasks: Tasks,
    /// The bundled models.
    pub bundles: Vec<ModelBundle>,
}

/// The data folder: models, ledger and keys.
#[derive(Clone, Debug)]
pub struct DataFolder {
    /// Its path.
    pub path: PathBuf,
    /// Whether the user named it, so that its content is trusted.
    pub is_named: bool,
}

/// Serves `models` on `port` of 127.0.0.1 until the process is asked to stop. `started` gets the report when every model has answered
/// a first call.
///
/// # Errors
/// [`DevError`], or the error of `started`.
pub async fn run<E: From<DevError>>(
    data: &DataFolder,
    port: u16,
    models: HostedModels,
    started: impl FnOnce(&StartupReport) -> Result<(), E>,
) -> Result<(), E> {
    let begun = Instant::now();
    let dev = DevHost::start(data, port, models).await?;
    let DevHost { endpoint, env_file, state, client, server, _objects } = dev;
    let calling = state.clone();
    let mut serving = tokio::spawn(host::serve(server, state, stop_signal()));
    let service = async {
        // A stop while a model is still loading does not wait for the model.
        let ended = tokio::select! {
            models = FirstCall::all(&calling, &client) => {
                started(&StartupReport { endpoint, env_file, elapsed: begun.elapsed(), models })?;
                serving.await
            }
            ended = &mut serving => ended,
        };
        ended.map_err(DevError::other)?.map_err(DevError::other)?;
        Ok(())
    };
    tokio::select! {
        result = service => result,
        () = asked_twice() => Err(DevError::other("stopped before every call was answered").into()),
    }
}

/// Publishes `publication` into the store of the `dev` that runs on `data`.
///
/// # Errors
/// [`DevError`] if no `dev` runs there, or the model cannot be published.
pub async fn publish_into(
    data: &DataFolder,
    publication: Publication,
    tasks: &Tasks,
) -> Result<PublishOutcome, DevError> {
    let file = data.path.join("env");
    if !file.exists() {
        return Err(DevError::usage(format!("no host runs here: there is no {}", file.display()))
            .with_hint("run `dev` in another terminal, or name its folder with --data"));
    }
    data::trusted(&data.path, data.is_named, &EnvFileLookup::from_env())?;
    let secrets = DevSecrets::of(&data.path)?;
    let env = EnvVariables::load(&file)?;
    let variable = |name: &str| {
        let missing = || DevError::usage(format!("{} has no {name}", file.display()));
        env.get(name).map(str::to_owned).ok_or_else(missing)
    };
    let endpoint = S3Endpoint {
        url: variable(S3_ENDPOINT)?,
        access_key_id: variable(S3_KEY_ID)?,
        secret_access_key: variable(S3_SECRET)?,
    };
    let store = Store::open(&format!("s3://{BUCKET}"), &S3Options { endpoint: Some(endpoint) }).await?;
    let library = tokio::task::spawn_blocking(library).await.map_err(DevError::other)??;
    Ok(publish(&store, publication, tasks, &library, &secrets.as_publisher()).await?)
}

/// A host that is ready to serve.
struct DevHost {
    endpoint: String,
    env_file: PathBuf,
    state: AppState,
    client: Client,
    server: Server,
    _objects: ObjectStore,
}

impl DevHost {
    async fn start(data: &DataFolder, port: u16, models: HostedModels) -> Result<Self, DevError> {
        let (config, limits, origins) = (RuntimeConfig::from_env()?, Limits::from_env()?, AllowedOrigins::from_env()?);
        let folder = &data.path;
        data::prepare(folder, data.is_named, &EnvFileLookup::from_env())?;
        // The port first: a second `dev` on the same data must not touch it.
        let server = Server::bind("127.0.0.1", port).await.map_err(|error| {
            DevError::other(format!("cannot listen on 127.0.0.1:{port}: {error}"))
                .with_hint("`--port 0` takes a free one; is another `amaas dev` running?")
        })?;
        let endpoint = format!("http://{}", server.address());
        let library = tokio::task::spawn_blocking(library).await.map_err(DevError::other)??;
        let objects = ObjectStore::start(&folder.join("s3")).await?;
        let uri = format!("s3://{BUCKET}");
        let store = Store::open(&uri, &objects.options()).await?;
        let secrets = DevSecrets::of(folder)?;
        // Aliases of an earlier version of the program have no signature.
        sign_aliases(&store, &secrets.as_publisher().signer).await?;
        publish_bundled(&store, &models, &library, &secrets.as_publisher()).await?;

        let file = folder.canonicalize().map_err(|error| DevError::file(folder, &error))?.join("ledger.sqlite");
        let (ledger_uri, location) = (format!("sqlite:{}", file.display()), LedgerLocation::Sqlite(file));
        let ledger = amaas_ledger::open(&location).await?;
        let accounts = Accounts::new(Arc::clone(&ledger), secrets.vault().clone());
        // A ledger of an earlier version of the program. Who can write it could take the key that signs it as well.
        if let Err(AccountsError::NotSigned) = accounts.load().await {
            accounts.sign().await?;
        }
        let key = key::key(&accounts, folder).await?;
        let signers = sealing_keys(&store, &secrets).await?.signers();
        let environment = DevEnvironment {
            endpoint: endpoint.clone(),
            key: &key,
            store: uri,
            ledger: ledger_uri,
            s3: objects.endpoint(),
            secrets: &secrets,
            signers: &signers,
        };
        let env_file = environment.write(folder)?;

        let backends = Backends { store, vault: secrets.vault().clone(), accounts };
        let journal = location.journal(|name| std::env::var(name).ok());
        let sealing = backends.sealing(sealing_name(), SealingPolicy::Optional, ReplayPolicy::Refuse);
        let state = backends.state(limits).cors(origins).journal(&journal).sealing(sealing).build();
        let config = RuntimeConfig { library: Some(library), ..config };
        let trust = TrustPolicy { publishers: vec![secrets.publisher()], least_serial: 0 };
        let source = backends.models(trust);
        let tasks = models.tasks;
        watch::look(&state, &source, &tasks, &config).await?;
        let client = Client::builder().endpoint(&endpoint).api_key(&key).signers(signers).build()?;
        tokio::spawn(watch::watch(state.clone(), source, tasks, config, WATCH_INTERVAL));
        Ok(Self { endpoint, env_file, state, client, server, _objects: objects })
    }
}

/// The key set that calls to all models of this host are sealed to.
async fn sealing_keys(store: &Store, secrets: &DevSecrets) -> Result<KeySet, DevError> {
    match KeySet::create(store, &sealing_name(), secrets.vault()).await {
        // A folder of an earlier version of the program. Who can write in it could take its keys as well.
        Err(SealingError::Untagged { .. }) => Ok(KeySet::adopt(store, &sealing_name(), secrets.vault()).await?),
        created => Ok(created?),
    }
}

fn sealing_name() -> ModelName {
    "dev".parse().expect("\"dev\" has no other characters than letters")
}

/// Publishes the bundled models that are not in the store. The aliases of others stay as they are, and removed models stay removed.
async fn publish_bundled(
    store: &Store,
    models: &HostedModels,
    library: &Path,
    publisher: &Publisher,
) -> Result<(), DevError> {
    for bundle in &models.bundles {
        let publication = bundle(live()).map_err(DevError::other)?;
        if is_removed(store, &publication.model).await? {
            continue;
        }
        if !is_published(store, &publication, publisher).await? {
            publish(store, publication, &models.tasks, library, publisher).await?;
        }
    }
    Ok(())
}

/// Returns when the process is asked a second time to stop, which ends calls in flight.
async fn asked_twice() {
    stop_signal().await;
    stop_signal().await;
}

/// How often the store is listed for new models and moved aliases.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);
