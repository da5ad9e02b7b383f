//! A test environment: an object store with a model and a key, and the settings for functions and clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use amaas::{ApiKey, Client, ClientBuilder};
use amaas_access::{Accounts, KeyTerms};
use amaas_ledger::{Clock, Ledger, SqliteLedger};
use amaas_local::object_store::{BUCKET, ObjectStore};
use amaas_model::manifest::Manifest;
use amaas_model::publish::{BlobProtection, Publication, Publisher, publish};
use amaas_model::task::{Rows, Tasks};
use amaas_sentiment::{Sentiment, bundle};
use amaas_serve::sealing::KeySet;
use amaas_store::Store;
use amaas_store::live;
use amaas_store::vault::Vault;
use tempfile::TempDir;

use crate::published::{KMS_KEY, PublishedModel};
use crate::{ProcessBuilder, Program, library};

/// An object store with the sentiment model and a key in it.
pub struct TestEnv {
    folder: TempDir,
    objects: ObjectStore,
    key: ApiKey,
    publisher: Publisher,
    version: u32,
}

impl TestEnv {
    /// A separate environment, in which a test may break anything.
    pub async fn start() -> Self {
        let published = PublishedModel::sentiment().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        published.copy(folder.path());
        let objects = ObjectStore::start(folder.path()).await.expect("an object store");
        let key = published.key.clone();
        let env = Self { folder, objects, key, publisher: published.publisher.clone(), version: 1 };
        env.add_key_to(&env.accounts().await).await;
        env
    }

    /// The accounts in the ledger of this environment, a file of SQLite.
    pub async fn accounts(&self) -> Accounts {
        let ledger = SqliteLedger::open(&self.ledger(), Clock::default()).await.expect("opened");
        self.accounts_in(Arc::new(ledger))
    }

    /// The accounts in another ledger, whose secret this environment's key wraps.
    pub fn accounts_in(&self, ledger: Arc<dyn Ledger>) -> Accounts {
        Accounts::new(ledger, self.vault().clone())
    }

    /// The vault that wraps this environment's secrets.
    pub fn vault(&self) -> &Vault {
        let BlobProtection::Sealed(vault) = &self.publisher.protection else {
            panic!("an environment has a key to wrap with")
        };
        vault
    }

    /// Adds the environment's key to `accounts`, as a key of the tenant `tests`.
    pub async fn add_key_to(&self, accounts: &Accounts) {
        let terms = KeyTerms::of("tests".parse().expect("a name"));
        accounts.add_key(&self.key, terms).await.expect("the key can be kept");
    }

    /// The file of its ledger.
    pub fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger.sqlite")
    }

    /// An environment whose sentiment model is unsealed, in version 2, so that a test can replace its files.
    pub async fn start_unsealed() -> Self {
        let env = Self::start().await;
        let publisher = Publisher { protection: BlobProtection::Unsealed, ..env.publisher.clone() };
        let (bundle, tasks) = (bundle(live()).expect("committed"), Tasks::default().with::<Rows<Sentiment>>());
        let result = publish(&env.store().await, bundle, &tasks, library().await, &publisher).await;
        assert_eq!(result.expect("the committed model can be published").manifest.version.as_str(), "2");
        Self { version: 2, ..env }
    }

    /// The object store, with S3's protocol.
    pub fn objects(&self) -> &ObjectStore {
        &self.objects
    }

    /// The key in the environment's accounts.
    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// The model store in it.
    pub async fn store(&self) -> Store {
        Store::open(&format!("s3://{BUCKET}"), &self.objects.options()).await.expect("a store's name")
    }

    /// Publishes `network`, which has no task, under `name` and the alias `live`.
    pub async fn publish(&self, name: &str, network: Vec<u8>) -> Manifest {
        let publication = Publication::of_network(name.parse().expect("a model's name"), network);
        self.publish_with(publication, &Tasks::default()).await
    }

    /// Publishes the network in the file `path`, and those beside it, under `name` and the alias `live`.
    pub async fn publish_file(&self, name: &str, path: &Path) -> Manifest {
        let publication = Publication::of_file(name.parse().expect("a model's name"), path);
        self.publish_with(publication.expect("whole files"), &Tasks::default()).await
    }

    /// Publishes `publication`, whose task is one of `tasks`.
    pub async fn publish_with(&self, publication: Publication, tasks: &Tasks) -> Manifest {
        let store = self.store().await;
        if let BlobProtection::Sealed(vault) = &self.publisher.protection {
            KeySet::create(&store, &publication.model, vault).await.expect("the keys can be kept");
        }
        let published = publish(&store, publication, tasks, library().await, &self.publisher).await;
        published.expect("the network can be published").manifest
    }

    /// The file of the object `key`.
    pub fn file(&self, key: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(key)
    }

    /// The file of the sentiment model's manifest.
    pub fn manifest_file(&self) -> PathBuf {
        self.file(&format!("models/sentiment/{}/manifest.json", self.version))
    }

    /// The manifest of the sentiment model.
    pub fn manifest(&self) -> Manifest {
        let json = std::fs::read(self.manifest_file()).expect("it was published");
        Manifest::verify(&json, &[self.publisher.signer.verifying_key()]).expect("it was published")
    }

    /// Replaces the sentiment model's manifest with `manifest`, signed by the environment's publisher.
    pub fn put_manifest(&self, manifest: &Manifest) {
        std::fs::write(self.manifest_file(), manifest.sign(&self.publisher.signer)).expect("the file can be written");
    }

    /// The publisher of the environment's models, whom its functions trust.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// The file of the key that wraps this environment's keys.
    pub fn kms_key(&self) -> PathBuf {
        self.folder.path().join(KMS_KEY)
    }

    /// The sentiment function over this store, as an HTTP server on a free port.
    pub async fn sentiment(&self) -> ProcessBuilder {
        self.launch(Program::Sentiment, "sentiment").await
    }

    /// `program` for `model` over this store, as an HTTP server on a free port.
    pub async fn launch(&self, program: Program, model: &str) -> ProcessBuilder {
        let endpoint = self.objects.endpoint();
        ProcessBuilder::new(program)
            .set("AMAAS_STORE", format!("s3://{BUCKET}"))
            .set("AMAAS_MODEL", model)
            .set("AMAAS_KMS_KEY", format!("file:{}", self.kms_key().display()))
            .set("AMAAS_LEDGER", format!("sqlite:{}", self.ledger().display()))
            .set("AMAAS_PUBLISHERS", self.publisher.signer.verifying_key().to_string())
            .set("AMAAS_SEALING", "optional")
            .set("AMAAS_LOG_FORMAT", "json")
            .set("PORT", "0")
            .set("ORT_DYLIB_PATH", library().await)
            .set("ORT_DISABLE_TELEMETRY", "1")
            .set("AWS_ENDPOINT_URL", &endpoint.url)
            .set("AWS_ACCESS_KEY_ID", &endpoint.access_key_id)
            .set("AWS_SECRET_ACCESS_KEY", &endpoint.secret_access_key)
            .set("AWS_REGION", "us-east-1")
    }

    /// A client of `endpoint` with the environment's key.
    pub fn client(&self, endpoint: impl Into<String>) -> Client {
        self.client_builder(endpoint).build().expect("a loopback endpoint and a key are enough")
    }

    /// A client builder for `endpoint` with the environment's key.
    pub fn client_builder(&self, endpoint: impl Into<String>) -> ClientBuilder {
        Client::builder().endpoint(endpoint).api_key(&self.key)
    }
}
