//! The environment of the benchmark: an object store that is no bottleneck, its models, and the settings of functions and clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use amaas::{ApiKey, Client, ClientBuilder};
use amaas_access::{Accounts, KeyTerms};
use amaas_e2e::{ProcessBuilder, Program, library};
use amaas_generate::Generate;
use amaas_ledger::{Clock, SqliteLedger};
use amaas_model::load::ModelSource;
use amaas_model::load::TrustPolicy;
use amaas_model::publish::{BlobProtection, Publication, Publisher, publish};
use amaas_model::task::{Rows, Tasks, TextGeneration};
use amaas_pipelines::folder::{Export, ExportOptions};
use amaas_pipelines::with_pipelines;
use amaas_sentiment::Sentiment;
use amaas_serve::sealing::KeySet;
use amaas_store::Store;
use amaas_store::live;
use amaas_store::vault::{FileKey, Vault};
use amaas_wire::dsse::SigningKey;
use tempfile::TempDir;

use crate::child::RoleProcess;
use crate::engine::Engine;
use crate::workload::Workload;

/// A store and a key.
pub(crate) struct BenchEnv {
    folder: TempDir,
    store: Store,
    vault: Vault,
    publisher: Publisher,
    pub(crate) key: ApiKey,
    /// The S3 responder, which serves the folder of the store.
    _responder: RoleProcess,
    endpoint: String,
    pub(crate) library: String,
    /// Threads of a run: the number of cores.
    pub(crate) cores: usize,
}

impl BenchEnv {
    pub(crate) async fn start() -> Arc<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path().join("objects").join(BUCKET));
        let vault = Vault::File(FileKey::create(&folder.path().join(KMS_KEY)).expect("a new file"));
        let signer = SigningKey::generate().expect("random");
        let publisher = Publisher { signer, protection: BlobProtection::Sealed(vault.clone()) };
        let key = ApiKey::generate("bench").expect("random");
        let ledger = SqliteLedger::open(&folder.path().join(LEDGER), Clock::default()).await.expect("a new file");
        let accounts = Accounts::new(Arc::new(ledger), vault.clone());
        accounts.add_key(&key, KeyTerms::of("bench".parse().expect("a name"))).await.expect("kept");
        let objects = folder.path().join("objects");
        let mut responder = RoleProcess::start("s3", &[&objects.to_string_lossy()]);
        let endpoint = format!("http://{}", responder.line());
        let library = library().await.to_string_lossy().into_owned();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self { folder, store, vault, publisher, key, _responder: responder, endpoint, library, cores })
    }

    /// Publishes `work`, sealed and signed; T with its task, the others without one. The plain file is beside it, for peers.
    pub(crate) async fn publish(&self, work: Workload) {
        let file = self.file(work);
        let publication = if work == Workload::Tiny {
            amaas_sentiment::bundle(live()).expect("committed")
        } else {
            let network = std::fs::read(&file).expect("the network");
            Publication::of_network(work.model().parse().expect("a name"), network)
        };
        self.put(publication).await;
        let plain = self.bucket().join(PLAIN);
        std::fs::create_dir_all(&plain).expect("a folder");
        std::fs::copy(file, plain.join(format!("{}.onnx", work.model()))).expect("there is room for it");
    }

    /// Publishes the bundled decoder.
    pub(crate) async fn publish_decoder(&self) {
        self.put(amaas_generate::bundle(live()).expect("committed")).await;
    }

    /// Publishes the export in `folder` as the model `model`.
    pub(crate) async fn publish_export(&self, folder: &Path, model: &str) {
        let export = Export::read(folder, &ExportOptions::default()).unwrap_or_else(|error| panic!("{error}"));
        self.put(export.publication(model).expect("a name")).await;
    }

    async fn put(&self, publication: Publication) {
        KeySet::create(&self.store, &publication.model, &self.vault).await.expect("keys");
        let tasks = Tasks::default().with::<Rows<Sentiment>>().with::<TextGeneration<Generate>>();
        let tasks = with_pipelines(tasks);
        let library = PathBuf::from(&self.library);
        let published = publish(&self.store, publication, &tasks, &library, &self.publisher).await.expect("published");
        let (rows, prepared) = (published.batching_reason, published.prepared_reason);
        eprintln!("published {}: {rows}; prepared: {prepared}", published.manifest.model);
    }

    /// The ONNX file of `work`.
    pub(crate) fn file(&self, work: Workload) -> PathBuf {
        work.file(self.folder.path())
    }

    /// Bucket and key of the plain file, for peers.
    pub(crate) fn object(work: Workload) -> (&'static str, String) {
        (BUCKET, format!("{PLAIN}/{}.onnx", work.model()))
    }

    /// The store's address and credentials, as variables of the AWS SDKs.
    pub(crate) fn credentials(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ACCESS_KEY_ID", "bench"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ]
    }

    /// The process of `program` for `model`.
    pub(crate) fn launch(&self, program: Program, model: &str) -> ProcessBuilder {
        let launch = ProcessBuilder::new(program)
            .set("AMAAS_STORE", format!("s3://{BUCKET}"))
            .set("AMAAS_LEDGER", format!("sqlite:{}", self.folder.path().join(LEDGER).display()))
            .set("AMAAS_MODEL", model)
            .set("AMAAS_KMS_KEY", format!("file:{}", self.folder.path().join(KMS_KEY).display()))
            .set("AMAAS_PUBLISHERS", self.publisher.signer.verifying_key().to_string())
            .set("AMAAS_SEALING", "optional")
            .set("AMAAS_LOG_FORMAT", "json")
            .set("PORT", "0")
            .set("ORT_DYLIB_PATH", &self.library)
            .set("ORT_DISABLE_TELEMETRY", "1");
        self.credentials().into_iter().fold(launch, |launch, (name, value)| launch.set(name, value))
    }

    /// The models' source, for loads in this process.
    pub(crate) fn source(&self) -> ModelSource {
        let trust = TrustPolicy { publishers: vec![self.publisher.signer.verifying_key()], least_serial: 0 };
        ModelSource::new(self.store.clone(), Some(self.vault.clone()), trust)
    }

    /// A client of `endpoint`.
    pub(crate) fn client(&self, endpoint: String) -> ClientBuilder {
        Client::builder().endpoint(endpoint).api_key(&self.key)
    }

    /// The expected values of `work` for its row, from a process with ONNX Runtime alone.
    pub(crate) fn expected(&self, work: Workload) -> Vec<f32> {
        let values = self.network(work, Engine::Waiting).1.ask("values");
        serde_json::from_str(&values).expect("numbers")
    }

    /// A process with `work` in ONNX Runtime, and the times of its session and its first run in milliseconds.
    pub(crate) fn network(&self, work: Workload, engine: Engine) -> ((f64, f64), RoleProcess) {
        self.try_network(work, engine).unwrap_or_else(|why| panic!("{} on {}: {why}", work.name(), engine.name()))
    }

    /// The same for an engine that may be unavailable.
    ///
    /// # Errors
    /// Why there is no session.
    pub(crate) fn try_network(&self, work: Workload, engine: Engine) -> Result<((f64, f64), RoleProcess), String> {
        let (file, threads) = (self.file(work), self.cores.to_string());
        let words = [&self.library, &*file.to_string_lossy(), work.name(), &threads, engine.name()];
        let mut child = RoleProcess::start("network", &words);
        let line = child.line();
        let times = line.strip_prefix("started ").ok_or_else(|| line.trim_start_matches("failed ").to_owned())?;
        let mut times = times.split(' ').map(|time| time.parse().expect("milliseconds"));
        let mut next = || times.next().expect("two numbers");
        Ok(((next(), next()), child))
    }

    /// The folder of the bucket.
    pub(crate) fn bucket(&self) -> PathBuf {
        self.folder.path().join("objects").join(BUCKET)
    }

    /// The responder's address.
    pub(crate) fn responder(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }

    /// A folder for temporary files.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

const BUCKET: &str = "bench";
const PLAIN: &str = "plain";
const KMS_KEY: &str = "kms.key";
const LEDGER: &str = "ledger.sqlite";
