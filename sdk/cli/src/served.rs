//! One model through the whole stack, in this process: published sealed and signed into an object store that speaks S3,
//! loaded from there, served over http, called through the SDK, sealed. What a function's own tests and measurements call.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use amaas::{ApiKey, Client, Model};
use amaas_serve::access::{KeyDocument, KeyRecord, Keys};
use amaas_serve::config::{Limits, RuntimeConfig, Trust};
use amaas_serve::host::{self, Server};
use amaas_serve::load::Source;
use amaas_serve::publish::{Protection, Publication, Publisher};
use amaas_serve::seal::{KeySet, Policy, Sealing};
use amaas_serve::store::{ModelName, Store};
use amaas_serve::task::Tasks;
use amaas_serve::vault::{FileKey, Vault};
use amaas_serve::{Host, load, publish, runtime};
use amaas_wire::dsse::SigningKey;
use tokio::task::JoinHandle;

use crate::object_store::{BUCKET, ObjectStore};

/// A model that is served. It ends when this is dropped.
pub struct Served {
    _objects: ObjectStore,
    serving: JoinHandle<()>,
    client: Client,
    model: ModelName,
}

impl Served {
    /// Publishes `publication` into `folder`, which must be empty, and serves it with `tasks` on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Whatever part of the stack fails.
    pub async fn start(
        folder: &Path,
        publication: Publication,
        tasks: &Tasks,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let objects = ObjectStore::start(folder).await?;
        let store = Store::open(&format!("s3://{BUCKET}"), &objects.options()).await?;
        let configured = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        let fetch = move || runtime::find_or_fetch(configured.as_deref(), |line| eprintln!("{line}"));
        let library = tokio::task::spawn_blocking(fetch).await??;
        let model = publication.model.clone();
        let vault = Vault::File(FileKey::create(&folder.join("kms.key"))?);
        let publisher = Publisher { signer: SigningKey::generate()?, protection: Protection::Sealed(vault.clone()) };
        publish::publish(&store, publication, tasks, &library, &publisher).await?;
        let (keys, key) = (Arc::new(KeyDocument::new(store.clone())), ApiKey::generate("test")?);
        keys.insert(KeyRecord::new(&key, "served", 0)).await?;
        KeySet::create(&store, &model, &vault).await?;

        let host = Host::new(keys, Limits::default());
        let config = RuntimeConfig { library: Some(library), ..RuntimeConfig::default() };
        let trust = Trust { publishers: vec![publisher.signer.verifying_key()], least_serial: 0 };
        load::look(&host, &Source::new(store.clone(), Some(vault.clone()), trust), tasks, &config).await?;
        host.seal(Sealing::new(store, model.clone(), vault, Policy::Required));
        let server = Server::bind("127.0.0.1", 0).await?;
        let client = Client::builder().endpoint(format!("http://{}", server.address())).api_key(&key).build()?;
        let serving = tokio::spawn(async {
            // It is never asked to stop, and what fails in it fails the call too.
            let _ = host::serve(server, host, std::future::pending()).await;
        });
        Ok(Self { _objects: objects, serving, client, model })
    }

    /// The model, as a caller with a key has it.
    pub fn model(&self) -> Model {
        self.client.model(self.model.to_string())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
