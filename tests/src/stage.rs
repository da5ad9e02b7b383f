//! Where a test plays: an object store of its own with a model and a key in it, and what functions and callers need to
//! reach it.

use std::path::PathBuf;

use amaas::{ApiKey, Client, ClientBuilder};
use amaas_cli::object_store::{BUCKET, ObjectStore};
use amaas_serve::config::live;
use amaas_serve::manifest::Manifest;
use amaas_serve::publish::{Publication, publish};
use amaas_serve::store::Store;
use amaas_serve::task::Tasks;
use tempfile::TempDir;

use crate::published::Published;
use crate::{Launch, Program, library};

/// An object store with the sentiment model and a key in it.
pub struct Stage {
    folder: TempDir,
    objects: ObjectStore,
    key: ApiKey,
}

impl Stage {
    /// A stage of one's own, on which anything may be broken.
    pub async fn set() -> Self {
        let published = Published::sentiment().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        published.copy(folder.path());
        let objects = ObjectStore::start(folder.path()).await.expect("an object store");
        Self { folder, objects, key: published.key.clone() }
    }

    /// The object store, which speaks S3.
    pub fn objects(&self) -> &ObjectStore {
        &self.objects
    }

    /// The key that functions of this stage know.
    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// The model store in it.
    pub async fn store(&self) -> Store {
        Store::open(&format!("s3://{BUCKET}"), &self.objects.options()).await.expect("a store's name")
    }

    /// Publishes `network`, which has no task, under `name` and the alias `live`.
    pub async fn publish(&self, name: &str, network: Vec<u8>) -> Manifest {
        let publication = Publication {
            model: name.parse().expect("a model's name"),
            version: None,
            alias: live(),
            network: network.into(),
            task: None,
            assets: [].into(),
            golden: None,
        };
        let published = publish(&self.store().await, publication, &Tasks::default(), library().await).await;
        published.expect("the network can be published").manifest
    }

    /// The file in which the object `key` is kept.
    pub fn file(&self, key: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(key)
    }

    /// The file in which the sentiment model's manifest is kept.
    pub fn manifest_file(&self) -> PathBuf {
        self.file("models/sentiment/1/manifest.json")
    }

    /// The manifest of the sentiment model.
    pub fn manifest(&self) -> Manifest {
        let json = std::fs::read(self.manifest_file()).expect("it was published");
        Manifest::from_json(&json).expect("it was published")
    }

    /// The sentiment function over this store, as an HTTP server on a free port.
    pub async fn sentiment(&self) -> Launch {
        self.launch(Program::Sentiment, "sentiment").await
    }

    /// `program` for `model` over this store, as an HTTP server on a free port.
    pub async fn launch(&self, program: Program, model: &str) -> Launch {
        let endpoint = self.objects.endpoint();
        Launch::new(program)
            .set("AMAAS_STORE", format!("s3://{BUCKET}"))
            .set("AMAAS_MODEL", model)
            .set("AMAAS_LOG_FORMAT", "json")
            .set("PORT", "0")
            .set("ORT_DYLIB_PATH", library().await)
            .set("ORT_DISABLE_TELEMETRY", "1")
            .set("AWS_ENDPOINT_URL", &endpoint.url)
            .set("AWS_ACCESS_KEY_ID", &endpoint.access_key_id)
            .set("AWS_SECRET_ACCESS_KEY", &endpoint.secret_access_key)
            .set("AWS_REGION", "us-east-1")
    }

    /// A caller of `endpoint` with the stage's key.
    pub fn client(&self, endpoint: impl Into<String>) -> Client {
        self.client_builder(endpoint).build().expect("a loopback endpoint and a key are enough")
    }

    /// A caller of `endpoint` with the stage's key, not finished.
    pub fn client_builder(&self, endpoint: impl Into<String>) -> ClientBuilder {
        Client::builder().endpoint(endpoint).api_key(&self.key)
    }
}
