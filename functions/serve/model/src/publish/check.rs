//! Whether a network can be served, and what it takes and gives.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use bytes::Bytes;

use super::share::Shared;
use super::tried::{Checking, NamedSession, Tried, undecided};
use super::{Publication, limits};
use crate::load::{LoadError, check_golden};
use crate::manifest::NamedNetwork;
use crate::task::{Assets, NetworkInfo, TaskContext, Tasks};
use amaas_config::ConfigError;
use amaas_engine::ExecutionProvider;
use amaas_engine::TaskError;
use amaas_engine::TensorSpec;
use amaas_engine::onnx::{NetworkFiles, OnnxError};
use amaas_engine::runtime;
use amaas_engine::runtime::RuntimeError;
use amaas_engine::session::{OrtSession, SessionError};
use amaas_engine::{PrepackMode, RuntimeConfig};
use amaas_store::StoreError;
use amaas_store::vault::VaultError;

/// A publication that has been run.
pub(super) struct Checked {
    pub(super) publication: Publication,
    /// Networks in the form that is ready soonest, by name; the model's own has none.
    pub(super) prepared: Vec<(Option<String>, Bytes)>,
    pub(super) inputs: Vec<TensorSpec>,
    pub(super) outputs: Vec<TensorSpec>,
    pub(super) shared: Shared,
    /// Why calls share runs of the networks beside it, or not.
    pub(super) named_because: BTreeMap<String, String>,
    pub(super) prepared_because: String,
    pub(super) networks: BTreeMap<String, NamedNetwork>,
    pub(super) warnings: Vec<String>,
}

/// Why a model was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum PublishError {
    /// ONNX Runtime did not start.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The network cannot be run.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The task is not known, or its assets are not what it needs.
    #[error("task: {0}")]
    Task(#[from] TaskError),
    /// The network does not give the known answers.
    #[error(transparent)]
    Golden(LoadError),
    /// The proof and the trial disagree on whether rows see one another: one of them, or ONNX Runtime, is wrong.
    #[error(
        "{network}: its graph is proven to keep rows apart, but a trial disagrees: {trial}. That is a fault of the analysis or of ONNX \
         Runtime; please report it. Published with batching off, its calls share no run"
    )]
    TrialContradictsProof { network: String, trial: String },
    /// Calls cannot share runs, whoever asks for it.
    #[error("{network}: calls cannot share runs, as same-tenant batching asks: {because}")]
    CannotShare { network: String, because: String },
    /// What was published cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The network's file cannot be read.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The network cannot do what the task is for.
    #[error("the network cannot go on with texts: {0}")]
    Contract(String),
    /// No task of this program.
    #[error("task: this program has no task {task:?}, and so cannot check the model; it has: {}", known.join(", "))]
    UnknownTask { task: String, known: Vec<&'static str> },
    /// A tensor that no call can send, or no answer can carry.
    #[error("{kind} {tensor:?} cannot be carried by calls and answers: {what}")]
    Unreachable { kind: &'static str, tensor: String, what: String },
    /// The data key could not be wrapped.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such model.
    #[error("the store has no model {model}")]
    NoModel { model: String },
    /// There is no such version.
    #[error("model {model} has no version {version}")]
    NoVersion { model: String, version: String },
    /// There is no such alias.
    #[error("model {model} has no alias {alias}")]
    NoAlias { model: String, alias: String },
    /// An alias of nearly this name is there.
    #[error(
        "model {model} has no alias {alias}, but has {there}; two aliases have to differ in more than upper and lower case"
    )]
    AliasCase { model: String, alias: String, there: String },
    /// The version is not to be removed while an alias points to it.
    #[error("version {version} of model {model} is what its aliases point to: {aliases}")]
    Pointed { model: String, version: String, aliases: String },
    /// The version was removed, and its name is not used again.
    #[error("version {version} of model {model} was removed; the name of a version is never used again")]
    VersionRemoved { model: String, version: String },
    /// The version is this very model, and not whole in the store.
    #[error("version {version} of model {model} is this model, and is damaged: the store has no whole {blob}")]
    VersionDamaged { model: String, version: String, blob: String },
    /// A manifest refers to a blob that is not there: one of the two is damaged.
    #[error("{key} refers to {blob}, which is not in the store, so one of them is damaged; nothing was deleted")]
    DanglingReference { key: String, blob: String },
    /// A manifest cannot be read, so it is not known which blobs are in use.
    #[error("{key} cannot be read, so the blobs that it refers to are not known; nothing was deleted")]
    UnknownReferences { key: String },
    /// The version is there already, with another content.
    #[error("version {version} of model {model} is there already and is another one; versions never change")]
    VersionTaken { model: String, version: String },
    /// Somebody else published at the same time, again and again.
    #[error("somebody else publishes model {model} at the same time; try again")]
    Contended { model: String },
    /// What is set of how networks are run is not what can be set.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A run of the network does not end.
    #[error(
        "a run of the network passed its deadline (AMAAS_MAX_RUN_SECONDS) and one operator of it does not end; nothing was published"
    )]
    DoesNotEnd,
    /// The check was interrupted.
    #[error("the check was interrupted: {0}")]
    Interrupted(String),
}

/// Runs what is to be published.
pub(super) fn check(publication: Publication, tasks: &Tasks, library: &Path) -> Result<Checked, PublishError> {
    let mut warnings = Vec::new();
    let is_checked = is_checked(&publication, tasks, &mut warnings)?;
    let environment = runtime::environment(library)?;
    let config = RuntimeConfig { intra_threads: NonZeroUsize::MIN, ..RuntimeConfig::from_env()? };
    let config = RuntimeConfig { providers: vec![ExecutionProvider::Cpu], prepack: PrepackMode::Later, ..config };
    let mut network = OrtSession::new(&environment, &publication.network, &config)?;
    let (inputs, outputs) = (network.inputs()?, network.outputs()?);
    limits::check(&inputs, &outputs)?;
    warnings.extend(limits::warning(&inputs));
    if let Some(golden) = &publication.golden {
        check_golden(&mut network, ExecutionProvider::Cpu, golden).map_err(PublishError::Golden)?;
    }
    let mut named = BTreeMap::new();
    for (name, files) in &publication.networks {
        let onnx = OrtSession::new(&environment, files, &config)?;
        let (inputs, outputs) = (onnx.inputs()?, onnx.outputs()?);
        limits::check(&inputs, &outputs)?;
        named.insert(name.clone(), NamedSession { onnx, described: undecided(files, inputs, outputs) });
    }
    let task = match &publication.task {
        Some(name) if is_checked => {
            Some(tasks.load(name, &context(&publication, (&inputs, &outputs), &named)).map_err(PublishError::from)?)
        }
        _ => None,
    };
    let tensors = (inputs.as_slice(), outputs.as_slice());
    let mut checking =
        Checking { publication: &publication, tensors, environment, config, prepared: Vec::new(), warnings };
    let decoder = task.as_ref().and_then(|task| Some((task, task.decoder(None)?)));
    let Tried { shared, prepared_because, named_because, networks } = match decoder {
        Some((task, decoder)) => checking.decoder(network, decoder, task.example())?,
        None => checking.tensors(network, named, task.as_ref())?,
    };
    let Checking { prepared, warnings, .. } = checking;
    Ok(Checked { publication, prepared, inputs, outputs, shared, named_because, prepared_because, networks, warnings })
}

/// Whether this program has the task of `publication`, and so checks that it can run the networks.
fn is_checked(publication: &Publication, tasks: &Tasks, warnings: &mut Vec<String>) -> Result<bool, PublishError> {
    let Some(name) = &publication.task else {
        if publication.networks.is_empty() {
            return Ok(false);
        }
        return Err(TaskError::new("a model without a task has one network and no other").into());
    };
    if tasks.is_unchecked(name) {
        warnings.push(format!("this program has no task {name:?}: whether it can run the network was not checked"));
        return Ok(false);
    }
    if tasks.example(name).is_none() {
        return Err(PublishError::UnknownTask { task: name.clone(), known: tasks.names().collect() });
    }
    Ok(true)
}

/// What the task is made of, here as it is when the model is loaded.
fn context(
    publication: &Publication,
    (inputs, outputs): (&[TensorSpec], &[TensorSpec]),
    named: &BTreeMap<String, NamedSession>,
) -> TaskContext {
    let info = |files: &NetworkFiles, inputs: &[TensorSpec], outputs: &[TensorSpec]| NetworkInfo {
        inputs: inputs.to_vec(),
        outputs: outputs.to_vec(),
        metadata: amaas_engine::onnx::metadata(files).unwrap_or_default(),
    };
    let named = named.iter().map(|(name, NamedSession { described, .. })| {
        (name.clone(), info(&publication.networks[name], &described.inputs, &described.outputs))
    });
    TaskContext {
        assets: Assets::new(publication.assets.clone()),
        network: info(&publication.network, inputs, outputs),
        networks: named.collect(),
    }
}
