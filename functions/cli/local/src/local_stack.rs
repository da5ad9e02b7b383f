//! An object store and a host in this process. Each added model is published, sealed and signed, into the store over S3, loaded from
//! there, and served over HTTP.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use amaas::{ApiKey, Client, Model};
use amaas_access::{Accounts, KeyTerms};
use amaas_engine::RuntimeConfig;
use amaas_model::load::TrustPolicy;
use amaas_model::load::{LoadState, ModelSlot, ModelSource};
use amaas_model::publish;
use amaas_model::publish::{BlobProtection, Publication, PublishOutcome, Publisher};
use amaas_model::task::Tasks;
use amaas_serve::host::{self, Server};
use amaas_serve::sealing::{KeySet, ReplayPolicy, SealingPolicy};
use amaas_serve::{AppState, Backends, Limits};
use amaas_store::vault::{FileKey, Vault};
use amaas_store::{ModelName, Store, VersionSelector};
use amaas_wire::dsse::SigningKey;
use tokio::task::JoinHandle;

use crate::dev::FirstCall;
use crate::object_store::{BUCKET, ObjectStore};

/// A host and its store. Both end, with all models, when this is dropped.
pub struct LocalStack {
    _objects: ObjectStore,
    store: Store,
    publisher: Publisher,
    source: ModelSource,
    tasks: Tasks,
    config: RuntimeConfig,
    library: PathBuf,
    state: AppState,
    serving: JoinHandle<()>,
    client: Client,
    endpoint: String,
    key: ApiKey,
}

impl LocalStack {
    /// Starts without models, in `folder`, which must be empty, on a free port of 127.0.0.1. Networks run as `config` says, with
    /// the ONNX Runtime library of this machine, which is fetched if it is missing.
    ///
    /// # Errors
    /// The error of the part that does not start.
    pub async fn start(
        folder: &Path,
        tasks: &Tasks,
        config: RuntimeConfig,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let objects = ObjectStore::start(folder).await?;
        let store = Store::open(&format!("s3://{BUCKET}"), &objects.options()).await?;
        let library = tokio::task::spawn_blocking(crate::library).await??;
        let vault = Vault::File(FileKey::create(&folder.join("kms.key"))?);
        let publisher =
            Publisher { signer: SigningKey::generate()?, protection: BlobProtection::Sealed(vault.clone()) };
        let (accounts, key) = (Accounts::in_memory()?, ApiKey::generate("test")?);
        accounts.add_key(&key, KeyTerms::of("served".parse()?)).await?;
        let name: ModelName = "stack".parse()?;
        KeySet::create(&store, &name, &vault).await?;

        let trust = TrustPolicy { publishers: vec![publisher.signer.verifying_key()], least_serial: 0 };
        let backends = Backends { store: store.clone(), vault, accounts };
        let sealing = backends.sealing(name, SealingPolicy::Required, ReplayPolicy::Refuse);
        let (source, state) = (backends.models(trust), backends.state(Limits::default()).sealing(sealing).build());
        let server = Server::bind("127.0.0.1", 0).await?;
        let endpoint = format!("http://{}", server.address());
        let client = Client::builder().endpoint(&endpoint).api_key(&key).build()?;
        let serving = tokio::spawn(serve(server, state.clone()));
        let (tasks, config) = (tasks.clone(), RuntimeConfig { library: Some(library.clone()), ..config });
        Ok(Self {
            _objects: objects,
            store,
            publisher,
            source,
            tasks,
            config,
            library,
            state,
            serving,
            client,
            endpoint,
            key,
        })
    }

    /// Publishes `publication`, loads it, and returns a client's handle of the model.
    ///
    /// # Errors
    /// Why it cannot be published or loaded.
    pub async fn add(&self, publication: Publication) -> Result<Model, Box<dyn Error + Send + Sync>> {
        Ok(self.publish(publication).await?.1)
    }

    /// The same, and what publishing found out.
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub async fn publish(
        &self,
        publication: Publication,
    ) -> Result<(PublishOutcome, Model), Box<dyn Error + Send + Sync>> {
        let (name, version) = (publication.model.clone(), VersionSelector::Alias(publication.alias.clone()));
        let published = publish::publish(&self.store, publication, &self.tasks, &self.library, &self.publisher).await?;
        let slot = Arc::new(ModelSlot::new(name.clone(), version));
        self.state.insert(Arc::clone(&slot));
        let (source, tasks, config) = (self.source.clone(), self.tasks.clone(), self.config.clone());
        let loading = Arc::clone(&slot);
        tokio::spawn(async move { loading.load(&source, &tasks, &config).await });
        match slot.wait_until_loaded().await {
            LoadState::Failed(reason) => Err(reason.into()),
            _ => Ok((published, self.client.model(name.to_string()))),
        }
    }
}

impl LocalStack {
    /// A client with a key.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Its base URL. It takes sealed calls only.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A key for all its models.
    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// Calls each model once.
    pub(crate) async fn first_calls(&self) -> Vec<FirstCall> {
        FirstCall::all(&self.state, &self.client).await
    }
}

impl Drop for LocalStack {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(server: Server, state: AppState) {
    // It is never asked to stop, and a failure in it fails the call too.
    let _ = host::serve(server, state, std::future::pending()).await;
}
