//! Checks whether a network can be served, and determines its inputs and outputs.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use bytes::Bytes;

use super::network_trial::{AuxiliarySession, NetworkTrial, TrialOutcome, undecided};
use super::sharing::SharingDecision;
use super::{Publication, limits};
use crate::load::{LoadError, check_golden};
use crate::manifest::AuxiliaryNetwork;
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

/// A publication that passed its checks.
pub(super) struct CheckedPublication {
    pub(super) publication: Publication,
    /// Prepared networks, by name; `None` is the model's own.
    pub(super) prepared: Vec<(Option<String>, Bytes)>,
    pub(super) inputs: Vec<TensorSpec>,
    pub(super) outputs: Vec<TensorSpec>,
    pub(super) shared: SharingDecision,
    /// Why calls share runs of the auxiliary networks, or not.
    pub(super) auxiliary_reasons: BTreeMap<String, String>,
    pub(super) prepared_reason: String,
    pub(super) networks: BTreeMap<String, AuxiliaryNetwork>,
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
    /// The network's outputs differ from the golden ones.
    #[error(transparent)]
    Golden(LoadError),
    /// The proof and the trial disagree on whether rows are independent: the analysis or ONNX Runtime has a bug.
    #[error(
        "{network}: its rows are proven independent, but a trial disagrees: {trial}. This is a bug in the analysis or in ONNX \
         Runtime; please report it. To publish it anyway, turn batching off"
    )]
    TrialContradictsProof { network: String, trial: String },
    /// Calls cannot share runs, although the publisher asks for it.
    #[error("{network}: calls cannot share runs, as same-tenant batching asks: {reason}")]
    CannotShare { network: String, reason: String },
    /// A published version cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The network's file cannot be read.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The network is not a decoder, as the task needs.
    #[error("the network cannot generate text: {0}")]
    Contract(String),
    /// This program does not have the task.
    #[error("task: this program has no task {task:?}, and so cannot check the model; it has: {}", known.join(", "))]
    UnknownTask { task: String, known: Vec<&'static str> },
    /// A tensor that exceeds the limits of requests or responses.
    #[error("{kind} {tensor:?} cannot be carried by calls and answers: {what}")]
    Unreachable { kind: &'static str, tensor: String, what: String },
    /// The data key could not be wrapped.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store cannot be reached or refused.
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
    /// An alias that differs in upper and lower case only exists.
    #[error(
        "model {model} has no alias {alias}, but has {there}; two aliases have to differ in more than upper and lower case"
    )]
    AliasCase { model: String, alias: String, there: String },
    /// An alias points to the version, so it cannot be removed.
    #[error("version {version} of model {model} is what its aliases point to: {aliases}")]
    Pointed { model: String, version: String, aliases: String },
    /// The version was removed, and its name cannot be reused.
    #[error("version {version} of model {model} was removed; the name of a version is never used again")]
    VersionRemoved { model: String, version: String },
    /// The version is this model, but is damaged in the store.
    #[error("version {version} of model {model} is this model, but is damaged: {blob} is missing or incomplete")]
    VersionDamaged { model: String, version: String, blob: String },
    /// A manifest refers to a missing blob: one of the two is damaged.
    #[error("{key} refers to {blob}, which is not in the store, so one of them is damaged; nothing was deleted")]
    DanglingReference { key: String, blob: String },
    /// A manifest cannot be read, so the blobs in use are unknown.
    #[error("{key} cannot be read, so the blobs that it refers to are not known; nothing was deleted")]
    UnknownReferences { key: String },
    /// The version exists with other content.
    #[error("version {version} of model {model} exists with other content; versions never change")]
    VersionTaken { model: String, version: String },
    /// Other publishers kept changing the model at the same time.
    #[error("another publisher is changing model {model} at the same time; try again")]
    Contended { model: String },
    /// A runtime setting is invalid.
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

/// Runs the networks of a publication.
pub(super) fn check_publication(
    publication: Publication,
    tasks: &Tasks,
    library: &Path,
) -> Result<CheckedPublication, PublishError> {
    let mut warnings = Vec::new();
    let is_checked = is_checked(&publication, tasks, &mut warnings)?;
    let environment = runtime::environment(library)?;
    let config = RuntimeConfig { intra_threads: NonZeroUsize::MIN, ..RuntimeConfig::from_env()? };
    let config = RuntimeConfig { providers: vec![ExecutionProvider::Cpu], prepack: PrepackMode::Later, ..config };
    let mut network = OrtSession::new(&environment, &publication.network, &config)?;
    let (inputs, outputs) = (network.inputs()?, network.outputs()?);
    limits::check_limits(&inputs, &outputs)?;
    warnings.extend(limits::body_limit_warning(&inputs));
    if let Some(golden) = &publication.golden {
        check_golden(&mut network, ExecutionProvider::Cpu, golden).map_err(PublishError::Golden)?;
    }
    let mut named = BTreeMap::new();
    for (name, files) in &publication.networks {
        let onnx = OrtSession::new(&environment, files, &config)?;
        let (inputs, outputs) = (onnx.inputs()?, onnx.outputs()?);
        limits::check_limits(&inputs, &outputs)?;
        named.insert(name.clone(), AuxiliarySession { onnx, manifest_entry: undecided(files, inputs, outputs) });
    }
    let task = match &publication.task {
        Some(name) if is_checked => Some(
            tasks.load(name, &task_context(&publication, (&inputs, &outputs), &named)).map_err(PublishError::from)?,
        ),
        _ => None,
    };
    let tensors = (inputs.as_slice(), outputs.as_slice());
    let mut trial =
        NetworkTrial { publication: &publication, tensors, environment, config, prepared: Vec::new(), warnings };
    let decoder = task.as_ref().and_then(|task| Some((task, task.decoder(None)?)));
    let TrialOutcome { shared, prepared_reason, auxiliary_reasons, networks } = match decoder {
        Some((task, decoder)) => trial.try_decoder(network, decoder, task.example().input())?,
        None => trial.try_tensors(network, named, task.as_ref())?,
    };
    let NetworkTrial { prepared, warnings, .. } = trial;
    Ok(CheckedPublication {
        publication,
        prepared,
        inputs,
        outputs,
        shared,
        auxiliary_reasons,
        prepared_reason,
        networks,
        warnings,
    })
}

/// Whether this program has the task of `publication`, so that it can check the networks.
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

/// The context that the task is loaded from, the same as when the model is loaded.
fn task_context(
    publication: &Publication,
    (inputs, outputs): (&[TensorSpec], &[TensorSpec]),
    named: &BTreeMap<String, AuxiliarySession>,
) -> TaskContext {
    let info = |files: &NetworkFiles, inputs: &[TensorSpec], outputs: &[TensorSpec]| NetworkInfo {
        inputs: inputs.to_vec(),
        outputs: outputs.to_vec(),
        metadata: amaas_engine::onnx::metadata(files).unwrap_or_default(),
    };
    let named = named.iter().map(|(name, AuxiliarySession { manifest_entry, .. })| {
        (name.clone(), info(&publication.networks[name], &manifest_entry.inputs, &manifest_entry.outputs))
    });
    TaskContext {
        assets: Assets::new(publication.assets.clone()),
        network: info(&publication.network, inputs, outputs),
        networks: named.collect(),
    }
}
