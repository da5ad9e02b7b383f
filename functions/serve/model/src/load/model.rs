//! A loaded model, and how it is loaded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amaas_wire::oip::ModelMetadata;
use amaas_wire::oip::triton::ModelStatistics;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::select_all;
use tokio::task::{JoinSet, spawn_blocking};

use amaas_engine::generate::{self, ContinuousBatcher};
use amaas_engine::infer::{DynamicBatcher, InputContract, LostFlag, QueueBounds};
use amaas_engine::onnx::NetworkFiles;
use amaas_engine::session::{OrtSession, ReclaimOnDrop};
use amaas_engine::{ExecutionProvider, RunError, RuntimeConfig, TaskError, TensorSpec, runtime};
use amaas_store::{ModelName, Version};
use amaas_wire::Digest;

use super::fetch::UnsealContext;
use super::sessions::{self, FetchedFiles, ModelSession, ModelSessions, NetworkFormat};
use super::{LoadError, ModelSource, fetch, resolve, trial, trial_network};
use crate::at_rest::BlobRole;
use crate::error::ModelError;
use crate::manifest::{Manifest, PreparedNetwork};
use crate::task::{
    Assets, CompletionsInterface, EmbeddingsInterface, LoadedTask, ModelNetwork, ModelNetworks, NetworkExecutor,
    NetworkInfo, RankingInterface, TaskContext, Tasks, UsageUnit,
};

/// A loaded model.
pub struct Model {
    /// Its manifest.
    pub manifest: Manifest,
    /// The digest of its manifest, as it was signed.
    digest: Digest,
    networks: Arc<ModelNetworks>,
    /// Its task; `None` if the network is served as tensors.
    pub task: Option<LoadedTask>,
    provider: &'static str,
    warning: Option<String>,
    times: LoadTimes,
    /// The largest response, in bytes.
    answer_bytes: u64,
    /// The last field, so that it is dropped after the rest of the model.
    _freed: ReclaimOnDrop,
}

/// The durations of the phases of a load. Fetching and starting ONNX Runtime overlap, so the phases can add up to more than the total.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadTimes {
    /// ONNX Runtime's library and environment; near zero if the process has loaded them already.
    pub runtime: Duration,
    /// Alias and manifest.
    pub manifest: Duration,
    /// All blobs, verified.
    pub fetch: Duration,
    /// From the fetched bytes to a session.
    pub session: Duration,
    /// Golden cases, and the sessions of auxiliary networks.
    pub check: Duration,
    /// The task's example, or a run on synthetic inputs if there is neither a task nor a golden case.
    pub warm_up: Duration,
    /// All phases, from start to end.
    pub total: Duration,
}

impl Model {
    /// The model's name.
    pub fn name(&self) -> &ModelName {
        &self.manifest.model
    }

    /// The version.
    pub fn version(&self) -> &Version {
        &self.manifest.version
    }

    /// The task's name; `tensor` if the model has no task.
    pub fn task_name(&self) -> &str {
        self.manifest.task.as_deref().unwrap_or("tensor")
    }

    /// The digest of its signed manifest, by which receipts name the model.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The execution provider in use.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// The execution provider that was requested but is not available.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The durations of the phases of its load.
    pub fn times(&self) -> LoadTimes {
        self.times
    }

    /// The largest response, in bytes.
    pub fn answer_bytes(&self) -> u64 {
        self.answer_bytes
    }

    /// Its networks.
    pub fn networks(&self) -> &Arc<ModelNetworks> {
        &self.networks
    }

    /// Whether a run of one of its networks does not end.
    pub fn is_lost(&self) -> bool {
        self.networks.all().any(ModelNetwork::is_lost)
    }

    /// Waits until a run of one of its networks does not end.
    pub async fn wait_until_lost(&self) {
        select_all(self.networks.all().map(|network| network.wait_until_lost().boxed())).await;
    }

    /// The queue depth of its networks: rows, or calls of a decoder.
    pub fn queue_depth(&self) -> usize {
        self.networks.all().map(ModelNetwork::queue_depth).sum()
    }

    /// Checks that its own network takes tensors.
    ///
    /// # Errors
    /// [`ModelError::NoTensors`] if it generates text.
    pub fn check_tensors(&self) -> Result<(), ModelError> {
        self.batcher().map(drop)
    }

    /// Checks that the queue of its own network has room for a call.
    ///
    /// # Errors
    /// [`RunError::QueueFull`].
    pub fn check_capacity(&self) -> Result<(), RunError> {
        self.batcher().map_or(Ok(()), |batcher| batcher.check_capacity())
    }

    /// The statistics of its own network.
    ///
    /// # Errors
    /// [`ModelError::NoTensors`] if it generates text.
    pub fn statistics(&self) -> Result<ModelStatistics, ModelError> {
        Ok(self.batcher()?.statistics(self.name().to_string(), self.version().to_string()))
    }

    fn batcher(&self) -> Result<&Arc<DynamicBatcher>, ModelError> {
        self.networks.own().infer().ok_or_else(|| ModelError::NoTensors { model: self.name().to_string() })
    }

    /// The interface of its task for the embeddings routes.
    ///
    /// # Errors
    /// [`ModelError::NoEmbeddings`].
    pub fn embeddings(&self) -> Result<&Arc<dyn EmbeddingsInterface>, ModelError> {
        let interface = self.task.as_ref().and_then(|task| task.interfaces().embeddings.as_ref());
        interface.ok_or_else(|| ModelError::NoEmbeddings { model: self.name().to_string() })
    }

    /// The interface of its task for the rerank routes.
    ///
    /// # Errors
    /// [`ModelError::NoRanking`].
    pub fn ranking(&self) -> Result<&Arc<dyn RankingInterface>, ModelError> {
        let interface = self.task.as_ref().and_then(|task| task.interfaces().ranking.as_ref());
        interface.ok_or_else(|| ModelError::NoRanking { model: self.name().to_string() })
    }

    /// The interface of its task for the completions routes.
    ///
    /// # Errors
    /// [`ModelError::NoCompletions`].
    pub fn completions(&self) -> Result<&Arc<dyn CompletionsInterface>, ModelError> {
        let interface = self.task.as_ref().and_then(|task| task.interfaces().completions.as_ref());
        interface.ok_or_else(|| ModelError::NoCompletions { model: self.name().to_string() })
    }

    /// The labels of the classes of its output `output`, if its task knows them.
    pub fn labels(&self, output: &str) -> Option<&[String]> {
        let labels = self.task.as_ref()?.interfaces().labels.as_deref()?;
        (labels.output == output).then_some(&labels.labels)
    }

    /// Whether calls to it are counted in tokens.
    pub fn counts_tokens(&self) -> bool {
        self.task.as_ref().is_some_and(|task| task.unit() == UsageUnit::Tokens)
    }

    /// Its description in the Open Inference Protocol.
    pub fn metadata(&self) -> ModelMetadata {
        ModelMetadata {
            name: self.manifest.model.to_string(),
            versions: vec![self.manifest.version.to_string()],
            platform: "onnxruntime_onnx".to_owned(),
            inputs: self.manifest.inputs.iter().map(amaas_engine::TensorSpec::metadata).collect(),
            outputs: self.manifest.outputs.iter().map(amaas_engine::TensorSpec::metadata).collect(),
        }
    }
}

/// Loads the version `version` of `model`.
pub async fn load(
    source: &ModelSource,
    model: &ModelName,
    version: &Version,
    tasks: &Tasks,
    config: &RuntimeConfig,
) -> Result<Model, LoadError> {
    let begun = Instant::now();
    let library = config.library.clone();
    let environment = spawn_blocking(move || {
        let library = runtime::find(library.as_deref())?;
        Ok::<_, LoadError>((runtime::environment(&library)?, begun.elapsed()))
    });
    let (manifest, digest) = resolve::read_manifest(source, model, version).await?;
    let mut times = LoadTimes { manifest: begun.elapsed(), ..LoadTimes::default() };

    // Prepared networks are optimised for the CPU.
    let prepared = config.providers == [ExecutionProvider::Cpu];
    let files = fetch_files(source, &manifest, prepared).await?;
    times.fetch = begun.elapsed().saturating_sub(times.manifest);
    let task = match &manifest.task {
        Some(task) => Some(tasks.load(task, &task_context(&manifest, &files))?),
        None => None,
    };
    let (environment, runtime) = flatten_join(environment.await)?;
    times.runtime = runtime;

    let sessions = async |files| {
        let (environment, manifest, task, config) =
            (environment.clone(), manifest.clone(), task.clone(), config.clone());
        let lost = LostFlag::default();
        let making = lost.clone();
        let made = spawn_blocking(move || {
            making.scope(|| sessions::create_sessions(&environment, files, &manifest, task.as_ref(), &config))
        });
        tokio::select! {
            made = made => flatten_join(made),
            () = lost.lost() => Err(LoadError::DoesNotEnd),
        }
    };
    let made = match sessions(files).await {
        // Another build of ONNX Runtime may not read the prepared network; it reads the ONNX file.
        Err(LoadError::Prepared(error)) => {
            tracing::warn!(%error, "the prepared network cannot be loaded: using the ONNX file");
            let files = fetch_files(source, &manifest, false).await?;
            sessions(files).await?
        }
        made => made?,
    };
    let ModelSessions { network, named, provider, warning, session, check, warm_up } = made;
    times = LoadTimes { session, check, warm_up, ..times };
    let networks = Arc::new(start_networks(&manifest, network, named, config)?);
    if let Some(task) = task.as_ref().filter(|task| task.decoder(None).is_some()) {
        let precomputed = Arc::clone(task).precompute(trial_network::call_on(Arc::clone(&networks))).await;
        precomputed.map_err(|error| trial::task_error(&error))?;
    }
    times.total = begun.elapsed();
    tracing::info!(%model, %version, provider, ?times, "loaded");
    let answer_bytes = config.answer_bytes;
    Ok(Model { manifest, digest, networks, task, provider, warning, times, answer_bytes, _freed: ReclaimOnDrop })
}

/// The context that the task of a version is loaded from.
fn task_context(manifest: &Manifest, files: &FetchedFiles) -> TaskContext {
    let info = |inputs: &[TensorSpec], outputs: &[TensorSpec], metadata: &BTreeMap<String, String>| NetworkInfo {
        inputs: inputs.to_vec(),
        outputs: outputs.to_vec(),
        metadata: metadata.clone(),
    };
    let named = manifest.networks.iter();
    let named = named.map(|(name, it)| (name.clone(), info(&it.inputs, &it.outputs, &it.metadata)));
    TaskContext {
        assets: files.assets.clone(),
        network: info(&manifest.inputs, &manifest.outputs, &manifest.metadata),
        networks: named.filter(|(name, _)| files.networks.contains_key(name)).collect(),
    }
}

/// Starts the thread and queue of each network.
fn start_networks(
    manifest: &Manifest,
    network: ModelSession,
    named: Vec<(String, OrtSession)>,
    config: &RuntimeConfig,
) -> Result<ModelNetworks, LoadError> {
    let (rows, queue) = (config.batch_rows, config.queue_rows);
    let bounds = QueueBounds { batch_rows: rows, queue_rows: queue };
    let batched = |name: &str, onnx| {
        DynamicBatcher::start(name, onnx, bounds)
            .map(|infer| NetworkExecutor::Batched(Arc::new(infer)))
            .map_err(LoadError::Thread)
    };
    let executor = match network {
        ModelSession::Tensors(onnx) => batched(manifest.model.as_str(), onnx)?,
        ModelSession::Decoder(decoder, tokenizer) => {
            let bounds = generate::GenerateBounds { sequences: rows, queue, max_cache_bytes: MAX_KV_CACHE_BYTES };
            let started = ContinuousBatcher::start(manifest.model.as_str(), decoder, tokenizer, bounds);
            NetworkExecutor::Decoder(Arc::new(started.map_err(LoadError::Thread)?))
        }
    };
    let made = |takes: InputContract<'_>, outputs: &[TensorSpec], executor| {
        ModelNetwork::new((takes.inputs.to_vec(), outputs.to_vec()), (takes.batching, takes.sharing), executor)
    };
    let mut beside = BTreeMap::new();
    for (name, onnx) in named {
        let absent = || LoadError::Task(TaskError::new(format!("network {name:?} was not published with the model")));
        let described = manifest.networks.get(&name).ok_or_else(absent)?;
        let network = made(described.into(), &described.outputs, batched(&name, onnx)?);
        beside.insert(name, network);
    }
    Ok(ModelNetworks::new(made(manifest.into(), &manifest.outputs, executor), beside))
}

/// Fetches every blob of the version concurrently; of each network, the `prepared` form or the ONNX file.
async fn fetch_files(source: &ModelSource, manifest: &Manifest, prepared: bool) -> Result<FetchedFiles, LoadError> {
    let fits = |prepared: &Option<PreparedNetwork>| prepared.as_ref().is_some_and(PreparedNetwork::is_usable_here);
    let is_prepared = |name: Option<&String>| {
        prepared && name.map_or(fits(&manifest.prepared), |name| fits(&manifest.networks[name].prepared))
    };
    let (mut running, identity) = (JoinSet::new(), manifest.identity());
    let key = source.unwrap(manifest);
    if let Some(key) = key.clone() {
        tokio::spawn(key);
    }
    for (role, blob) in manifest.blobs() {
        let is_needed = match &role {
            BlobRole::Network => !is_prepared(None),
            BlobRole::Auxiliary(name) => !is_prepared(Some(name)),
            BlobRole::External { network, .. } => !is_prepared(network.as_ref()),
            BlobRole::Prepared { network } => is_prepared(network.as_ref()),
            BlobRole::Golden | BlobRole::Asset(_) => true,
        };
        if !is_needed {
            continue;
        }
        let (store, blob) = (source.store.clone(), blob.clone());
        let sealed = key.clone().map(|key| UnsealContext { key, role: role.clone(), identity });
        running.spawn(async move {
            Ok(match role {
                BlobRole::External { network, file } => {
                    FetchedBlob::External { network, file, bytes: fetch::fetch_shared(&store, &blob, sealed).await? }
                }
                role => FetchedBlob::Other(role, fetch::fetch(&store, &blob, sealed).await?),
            })
        });
    }
    let (mut given, mut forms) = (BTreeMap::<Option<String>, NetworkFiles>::new(), BTreeMap::new());
    let (mut golden, mut assets) = (None, Vec::new());
    while let Some(fetched) = running.join_next().await {
        match flatten_join(fetched)? {
            FetchedBlob::External { network, file, bytes } => {
                given.entry(network).or_default().external.insert(file, bytes);
            }
            FetchedBlob::Other(BlobRole::Prepared { network }, bytes) => {
                drop(forms.insert(network, NetworkFormat::Ort(bytes)));
            }
            FetchedBlob::Other(BlobRole::Auxiliary(name), bytes) => given.entry(Some(name)).or_default().file = bytes,
            FetchedBlob::Other(BlobRole::Golden, bytes) => golden = Some(bytes),
            FetchedBlob::Other(BlobRole::Asset(name), bytes) => assets.push((name, bytes)),
            FetchedBlob::Other(BlobRole::Network | BlobRole::External { .. }, bytes) => {
                given.entry(None).or_default().file = bytes;
            }
        }
    }
    forms.extend(given.into_iter().map(|(name, files)| (name, NetworkFormat::OrtSession(files))));
    let network = forms.remove(&None).unwrap_or_else(|| NetworkFormat::OrtSession(NetworkFiles::default()));
    let networks = forms.into_iter().filter_map(|(name, form)| Some((name?, form))).collect();
    Ok(FetchedFiles { network, golden, assets: Assets::new(assets), networks })
}

/// A fetched blob.
enum FetchedBlob {
    /// External data of a network, in memory that ONNX Runtime shares.
    External { network: Option<String>, file: String, bytes: Arc<[u8]> },
    /// Any other blob.
    Other(BlobRole, Bytes),
}

/// The result of a spawned task that is never cancelled.
fn flatten_join<T>(result: Result<Result<T, LoadError>, tokio::task::JoinError>) -> Result<T, LoadError> {
    result.unwrap_or(Err(LoadError::Panicked))
}

/// The KV caches of all running sequences together: 8,192 tokens of a network with 32 layers of 1,024 keys and as many
/// values, or a million tokens of the bundled one.
const MAX_KV_CACHE_BYTES: usize = 2 << 30;
