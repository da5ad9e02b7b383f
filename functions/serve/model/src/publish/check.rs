//! Whether a network can be served, and what it takes and gives.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::share::Shared;
use super::tried::{Checking, Tried};
use super::{Publication, limits};
use crate::load::{LoadError, check_golden};
use crate::manifest::NamedNetwork;
use crate::task::{AnyTask, Assets, Tasks};
use amaas_config::ConfigError;
use amaas_engine::Provider;
use amaas_engine::TaskError;
use amaas_engine::TensorSpec;
use amaas_engine::onnx::OnnxError;
use amaas_engine::runtime;
use amaas_engine::runtime::RuntimeError;
use amaas_engine::session::{Onnx, SessionError};
use amaas_engine::{Prepack, RuntimeConfig};
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
    let task = task(&publication, tasks, &mut warnings)?;
    let environment = runtime::environment(library)?;
    let config = RuntimeConfig { intra_threads: NonZeroUsize::MIN, ..RuntimeConfig::from_env()? };
    let config = RuntimeConfig { providers: vec![Provider::Cpu], prepack: Prepack::Later, ..config };
    let mut network = Onnx::new(&environment, &publication.network, &config)?;
    let (inputs, outputs) = (network.inputs()?, network.outputs()?);
    limits::check(&inputs, &outputs)?;
    warnings.extend(limits::warning(&inputs));
    if let Some(golden) = &publication.golden {
        check_golden(&mut network, Provider::Cpu, golden).map_err(PublishError::Golden)?;
    }
    let tensors = (inputs.as_slice(), outputs.as_slice());
    let mut checking =
        Checking { publication: &publication, tensors, environment, config, prepared: Vec::new(), warnings };
    let Tried { shared, prepared_because, named_because, networks } = match &task {
        Some(task) => match Arc::clone(task).generator() {
            Some(generator) => checking.tokens(network, &*generator, task.example())?,
            None => checking.tensors(network, Some(task))?,
        },
        None => checking.tensors(network, None)?,
    };
    let Checking { prepared, warnings, .. } = checking;
    Ok(Checked { publication, prepared, inputs, outputs, shared, named_because, prepared_because, networks, warnings })
}

/// The task of `publication`, made of its assets.
fn task(
    publication: &Publication,
    tasks: &Tasks,
    warnings: &mut Vec<String>,
) -> Result<Option<Arc<dyn AnyTask>>, PublishError> {
    let Some(name) = &publication.task else {
        if publication.networks.is_empty() {
            return Ok(None);
        }
        return Err(TaskError::new("a model without a task has one network and no other").into());
    };
    if tasks.is_unchecked(name) {
        warnings.push(format!("this program has no task {name:?}: whether it can run the network was not checked"));
        return Ok(None);
    }
    if tasks.example(name).is_none() {
        return Err(PublishError::UnknownTask { task: name.clone(), known: tasks.names().collect() });
    }
    let (assets, names) = (Assets::new(publication.assets.clone()), publication.networks.keys());
    Ok(Some(tasks.make_with(name, &assets, names)?))
}
