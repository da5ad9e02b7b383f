//! Whether a network can be served, and what it takes and gives.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use bytes::Bytes;

use super::prepare::{Ready, Trial, prepare};
use super::share::{Shared, decide};
use super::{Publication, decode, named, probe};
use crate::config::{ConfigError, Prepack, RuntimeConfig};
use crate::generate::Contract;
use crate::load::{LoadError, Onnx, OnnxDecoder, Provider, SessionError, check_golden};
use crate::manifest::{NamedNetwork, Sharing, TensorSpec};
use crate::onnx::{NetworkFiles, OnnxError, rows};
use crate::request::Takes;
use crate::runtime::{self, RuntimeError};
use crate::store::StoreError;
use crate::task::{AnyTask, Assets, TaskError, Tasks};
use crate::vault::VaultError;

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
    pub(super) warning: Option<String>,
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

pub(super) fn check(publication: Publication, tasks: &Tasks, library: &Path) -> Result<Checked, PublishError> {
    let mut warning = None;
    let task = match &publication.task {
        Some(task) if tasks.example(task).is_some() => {
            let (assets, names) = (Assets::new(publication.assets.clone()), publication.networks.keys());
            Some(tasks.make_with(task, &assets, names)?)
        }
        Some(task) => {
            warning = Some(format!("task {task:?} is not known to this program, so its assets were not checked"));
            None
        }
        None if !publication.networks.is_empty() => {
            return Err(TaskError::new("a model without a task has one network and no other").into());
        }
        None => None,
    };
    let environment = runtime::environment(library)?;
    let config = RuntimeConfig { intra_threads: NonZeroUsize::MIN, ..RuntimeConfig::from_env()? };
    let config = RuntimeConfig { providers: vec![Provider::Cpu], prepack: Prepack::Later, ..config };
    let session = |files: &NetworkFiles| Onnx::new(&environment, files, &config);
    let mut network = session(&publication.network)?;
    let (inputs, outputs) = (network.inputs()?, network.outputs()?);
    let generator = task.clone().and_then(AnyTask::generator);
    let mut prepared = Vec::new();
    if let Some(golden) = &publication.golden {
        check_golden(&mut network, Provider::Cpu, golden).map_err(PublishError::Golden)?;
    } else if generator.is_some() {
        // What it makes of made-up texts is its trial.
    } else if let Err(error) = probe::trial(&mut network, &inputs) {
        warning = Some(format!("a trial run with made-up values failed: {error}"));
    }
    network.check_trial()?;
    let policy = publication.batching;
    let mut named = named::check(session, task.as_ref(), &publication.networks, policy)?;
    let mut prepare = |name: Option<&String>, files: &NetworkFiles, trial: &Trial<'_>| match prepare(
        &environment,
        files,
        trial,
        &config,
    ) {
        Ok(Ready { bytes, because }) => {
            prepared.push((name.cloned(), bytes));
            because
        }
        Err(because) => because,
    };
    let golden = publication.golden.as_ref();
    let (shared, prepared_because) = if let Some(generator) = generator {
        let contract = Contract::of(&inputs, &outputs, &generator.tensors()).map_err(PublishError::Contract)?;
        let mut decoder = OnnxDecoder::new(network, contract.clone(), Sharing::None);
        let longest = generator.context();
        let prove = || decode::prove(&publication.network, &contract);
        // That it goes on with texts at all is asked in any case.
        let seen = decode::probe(&mut decoder, longest).map_err(PublishError::Contract)?;
        let shared = decide(None, policy, Ok(()), prove, || seen)?;
        drop(decoder);
        (shared, prepare(None, &publication.network, &Trial::Tokens(&contract)))
    } else {
        let trial = golden.map_or(Trial::Inputs(&inputs), Trial::Golden);
        let prepared_because = prepare(None, &publication.network, &trial);
        let prove = || rows::prove(&publication.network);
        let shared =
            decide(None, policy, probe::same_batch(&inputs), prove, || probe::probe(&mut network, &inputs, golden))?;
        if let Some(matcher) = task.and_then(AnyTask::matcher) {
            let Shared { batching, rows_proof, .. } = shared;
            let takes = Takes { inputs: &inputs, batching, sharing: Sharing::of(batching, rows_proof) };
            named::trial(&matcher, (&mut network, takes), &mut named)?;
        }
        (shared, prepared_because)
    };
    for (name, files) in &publication.networks {
        prepare(Some(name), files, &Trial::Inputs(&named[name].described.inputs));
    }
    let named_because = named.iter().map(|(name, named)| (name.clone(), named.because.clone())).collect();
    let networks = named.into_iter().map(|(name, named)| (name, named.described)).collect();
    Ok(Checked { publication, prepared, inputs, outputs, shared, named_because, prepared_because, networks, warning })
}
