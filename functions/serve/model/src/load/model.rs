//! A model that is loaded, and the way there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amaas_wire::oip::ModelMetadata;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::select_all;
use tokio::task::{JoinSet, spawn_blocking};

use amaas_engine::generate::{self, ContinuousBatcher};
use amaas_engine::infer::{DynamicBatcher, InputContract, LostFlag, QueueBounds};
use amaas_engine::onnx::NetworkFiles;
use amaas_engine::session::{OrtSession, ReclaimOnDrop};
use amaas_engine::{ExecutionProvider, RuntimeConfig, TaskError, TensorSpec, runtime};
use amaas_store::{ModelName, Version};
use amaas_wire::Digest;

use super::fetch::Sealed;
use super::sessions::{self, Files, Form, Session, Sessions};
use super::{LoadError, Source, direct, fetch, resolve, trial};
use crate::at_rest::Role;
use crate::error::ModelError;
use crate::manifest::{Manifest, Prepared};
use crate::task::{
    Assets, Completions, Embeddings, Executor, LoadedTask, Network, NetworkInfo, Networks, TaskContext, Tasks, Unit,
};

/// A model that answers.
pub struct Model {
    /// Its manifest.
    pub manifest: Manifest,
    /// The digest of its manifest, as it was signed.
    digest: Digest,
    networks: Arc<Networks>,
    /// Its task; `None` for a network that is served as tensors.
    pub task: Option<LoadedTask>,
    provider: &'static str,
    warning: Option<String>,
    times: LoadTimes,
    /// The most bytes of an answer.
    answer_bytes: u64,
    /// Last, so that it is dropped when the rest of the model is.
    _freed: ReclaimOnDrop,
}

/// Where the time of a load went. Fetching and starting ONNX Runtime overlap, so the parts can add up to more than all.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadTimes {
    /// ONNX Runtime's library and environment; next to nothing where the process has them.
    pub runtime: Duration,
    /// Alias and manifest.
    pub manifest: Duration,
    /// All blobs, verified.
    pub fetch: Duration,
    /// From the fetched bytes to a session.
    pub session: Duration,
    /// Golden cases, and what networks beside the model's own take to be ready.
    pub check: Duration,
    /// A run on made-up values, where there are no golden cases that were one.
    pub warm_up: Duration,
    /// From the first to the last.
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

    /// The task's name; `tensor` for a network that is served as it is.
    pub fn task_name(&self) -> &str {
        self.manifest.task.as_deref().unwrap_or("tensor")
    }

    /// The digest of its manifest, as it was signed: what receipts name the model by.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The execution provider in use.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// What was asked for and could not be had.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Where the time of its load went.
    pub fn times(&self) -> LoadTimes {
        self.times
    }

    /// The most bytes that an answer may have.
    pub fn answer_bytes(&self) -> u64 {
        self.answer_bytes
    }

    /// Its networks.
    pub fn networks(&self) -> &Arc<Networks> {
        &self.networks
    }

    /// Whether a run of one of its networks does not end.
    pub fn is_lost(&self) -> bool {
        self.networks.all().any(Network::is_lost)
    }

    /// Done when a run of one of its networks does not end.
    pub async fn lost(&self) {
        select_all(self.networks.all().map(|network| network.lost().boxed())).await;
    }

    /// Rows of calls that wait for its networks; calls of a decoder.
    pub fn waiting(&self) -> usize {
        self.networks.all().map(Network::waiting).sum()
    }

    /// The queue of its own network.
    ///
    /// # Errors
    /// [`ModelError::NoTensors`] if it generates text.
    pub fn infer(&self) -> Result<&Arc<DynamicBatcher>, ModelError> {
        self.networks.own().infer().ok_or_else(|| ModelError::NoTensors { model: self.name().to_string() })
    }

    /// What its task answers on the routes for embeddings.
    ///
    /// # Errors
    /// [`ModelError::NoEmbeddings`].
    pub fn embeddings(&self) -> Result<&Arc<dyn Embeddings>, ModelError> {
        let interface = self.task.as_ref().and_then(|task| task.interfaces().embeddings.as_ref());
        interface.ok_or_else(|| ModelError::NoEmbeddings { model: self.name().to_string() })
    }

    /// What its task answers on the routes for completions.
    ///
    /// # Errors
    /// [`ModelError::NoCompletions`].
    pub fn completions(&self) -> Result<&Arc<dyn Completions>, ModelError> {
        let interface = self.task.as_ref().and_then(|task| task.interfaces().completions.as_ref());
        interface.ok_or_else(|| ModelError::NoCompletions { model: self.name().to_string() })
    }

    /// Whether calls to it are counted in tokens.
    pub fn counts_tokens(&self) -> bool {
        self.task.as_ref().is_some_and(|task| task.unit() == Unit::Tokens)
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
    source: &Source,
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
    let (manifest, digest) = resolve::manifest(source, model, version).await?;
    let mut times = LoadTimes { manifest: begun.elapsed(), ..LoadTimes::default() };

    // What was prepared was prepared for the CPU.
    let prepared = config.providers == [ExecutionProvider::Cpu];
    let files = files(source, &manifest, prepared).await?;
    times.fetch = begun.elapsed().saturating_sub(times.manifest);
    let task = match &manifest.task {
        Some(task) => Some(tasks.load(task, &context(&manifest, &files))?),
        None => None,
    };
    let (environment, runtime) = joined(environment.await)?;
    times.runtime = runtime;

    let sessions = async |files| {
        let (environment, manifest, task, config) =
            (environment.clone(), manifest.clone(), task.clone(), config.clone());
        let lost = LostFlag::default();
        let making = lost.clone();
        let made = spawn_blocking(move || {
            making.scope(|| sessions::make(&environment, files, &manifest, task.as_ref(), &config))
        });
        tokio::select! {
            made = made => joined(made),
            () = lost.lost() => Err(LoadError::DoesNotEnd),
        }
    };
    let made = match sessions(files).await {
        // Another build of ONNX Runtime may not take it; it takes the network itself.
        Err(LoadError::Prepared(error)) => {
            tracing::warn!(%error, "the prepared network makes no session");
            let files = self::files(source, &manifest, false).await?;
            sessions(files).await?
        }
        made => made?,
    };
    let Sessions { network, named, provider, warning, session, check, warm_up } = made;
    times = LoadTimes { session, check, warm_up, ..times };
    let networks = Arc::new(networks(&manifest, network, named, config)?);
    if let Some(task) = task.as_ref().filter(|task| task.decoder(None).is_some()) {
        let precomputed = Arc::clone(task).precompute(direct::call_on(Arc::clone(&networks))).await;
        precomputed.map_err(|error| trial::failed(&error))?;
    }
    times.total = begun.elapsed();
    tracing::info!(%model, %version, provider, ?times, "loaded");
    let answer_bytes = config.answer_bytes;
    Ok(Model { manifest, digest, networks, task, provider, warning, times, answer_bytes, _freed: ReclaimOnDrop })
}

/// What the task of a version is made of.
fn context(manifest: &Manifest, files: &Files) -> TaskContext {
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

/// Gives each network its thread and queue.
fn networks(
    manifest: &Manifest,
    network: Session,
    named: Vec<(String, OrtSession)>,
    config: &RuntimeConfig,
) -> Result<Networks, LoadError> {
    let (rows, queue) = (config.batch_rows, config.queue_rows);
    let bounds = QueueBounds { batch_rows: rows, queue_rows: queue };
    let batched = |name: &str, onnx| {
        DynamicBatcher::start(name, onnx, bounds)
            .map(|infer| Executor::Batched(Arc::new(infer)))
            .map_err(LoadError::Thread)
    };
    let executor = match network {
        Session::Tensors(onnx) => batched(manifest.model.as_str(), onnx)?,
        Session::Decoder(decoder, tokenizer) => {
            let bounds = generate::GenerateBounds { sequences: rows, queue, max_cache_bytes: PAST_BYTES };
            let started = ContinuousBatcher::start(manifest.model.as_str(), decoder, tokenizer, bounds);
            Executor::Decoder(Arc::new(started.map_err(LoadError::Thread)?))
        }
    };
    let made = |takes: InputContract<'_>, outputs: &[TensorSpec], executor| {
        Network::new((takes.inputs.to_vec(), outputs.to_vec()), (takes.batching, takes.sharing), executor)
    };
    let mut beside = BTreeMap::new();
    for (name, onnx) in named {
        let absent = || LoadError::Task(TaskError::new(format!("network {name:?} was not published with the model")));
        let described = manifest.networks.get(&name).ok_or_else(absent)?;
        let network = made(described.into(), &described.outputs, batched(&name, onnx)?);
        beside.insert(name, network);
    }
    Ok(Networks::new(made(manifest.into(), &manifest.outputs, executor), beside))
}

/// Fetches every blob of the version at once, and of each network what was `prepared` or what was given.
async fn files(source: &Source, manifest: &Manifest, prepared: bool) -> Result<Files, LoadError> {
    let fits = |prepared: &Option<Prepared>| prepared.as_ref().is_some_and(Prepared::fits);
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
            Role::Network => !is_prepared(None),
            Role::Named(name) => !is_prepared(Some(name)),
            Role::External { network, .. } => !is_prepared(network.as_ref()),
            Role::Prepared { network } => is_prepared(network.as_ref()),
            Role::Golden | Role::Asset(_) => true,
        };
        if !is_needed {
            continue;
        }
        let (store, blob) = (source.store.clone(), blob.clone());
        let sealed = key.clone().map(|key| Sealed { key, role: role.clone(), identity });
        running.spawn(async move {
            Ok(match role {
                Role::External { network, file } => {
                    Fetched::External { network, file, bytes: fetch::fetch_shared(&store, &blob, sealed).await? }
                }
                role => Fetched::Other(role, fetch::fetch(&store, &blob, sealed).await?),
            })
        });
    }
    let (mut given, mut forms) = (BTreeMap::<Option<String>, NetworkFiles>::new(), BTreeMap::new());
    let (mut golden, mut assets) = (None, Vec::new());
    while let Some(fetched) = running.join_next().await {
        match joined(fetched)? {
            Fetched::External { network, file, bytes } => {
                given.entry(network).or_default().external.insert(file, bytes);
            }
            Fetched::Other(Role::Prepared { network }, bytes) => drop(forms.insert(network, Form::Prepared(bytes))),
            Fetched::Other(Role::Named(name), bytes) => given.entry(Some(name)).or_default().file = bytes,
            Fetched::Other(Role::Golden, bytes) => golden = Some(bytes),
            Fetched::Other(Role::Asset(name), bytes) => assets.push((name, bytes)),
            Fetched::Other(Role::Network | Role::External { .. }, bytes) => given.entry(None).or_default().file = bytes,
        }
    }
    forms.extend(given.into_iter().map(|(name, files)| (name, Form::Given(files))));
    let network = forms.remove(&None).unwrap_or_else(|| Form::Given(NetworkFiles::default()));
    let networks = forms.into_iter().filter_map(|(name, form)| Some((name?, form))).collect();
    Ok(Files { network, golden, assets: Assets::new(assets), networks })
}

/// A blob that has landed.
enum Fetched {
    /// A file in which a network has weights, in the memory that ONNX Runtime is given.
    External { network: Option<String>, file: String, bytes: Arc<[u8]> },
    /// Any other.
    Other(Role, Bytes),
}

/// The result of a task that nobody cancels.
fn joined<T>(result: Result<Result<T, LoadError>, tokio::task::JoinError>) -> Result<T, LoadError> {
    result.unwrap_or(Err(LoadError::Panicked))
}

/// What the tokens of all sequences under way may leave in memory: 8,192 tokens of a network with 32 layers of 1,024 keys and as
/// many values, or a million of the bundled one.
const PAST_BYTES: usize = 2 << 30;
