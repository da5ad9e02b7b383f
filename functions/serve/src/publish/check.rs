//! Whether a network can be served, and what it takes and gives.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use bytes::Bytes;

use super::prepare::{Ready, Trial, prepare};
use super::{Publication, decode, named, probe};
use crate::config::RuntimeConfig;
use crate::generate::Contract;
use crate::load::{LoadError, Onnx, OnnxDecoder, Provider, SessionError, check_golden};
use crate::manifest::{Batching, NamedNetwork, TensorSpec};
use crate::onnx::NetworkFiles;
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
    pub(super) batching: Batching,
    pub(super) batching_because: String,
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
    /// The network cannot do what the task is for.
    #[error("the network cannot go on with texts: {0}")]
    Contract(String),
    /// The data key could not be wrapped.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such version to point to.
    #[error("model {model} has no version {version}")]
    NoVersion { model: String, version: String },
    /// The version is there already, with another content.
    #[error("version {version} of model {model} is there already and is another one; versions never change")]
    VersionTaken { model: String, version: String },
    /// Somebody else published at the same time, again and again.
    #[error("somebody else publishes model {model} at the same time; try again")]
    Contended { model: String },
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
    let config = RuntimeConfig { intra_threads: NonZeroUsize::MIN, ..RuntimeConfig::default() };
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
    let mut named = named::check(session, task.as_ref(), &publication.networks)?;
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
    let (batching, because, prepared_because) = if let Some(generator) = generator {
        let contract = Contract::of(&inputs, &outputs, &generator.tensors()).map_err(PublishError::Contract)?;
        let mut decoder = OnnxDecoder::new(network, contract.clone(), Batching::None);
        let (batching, because) = verdict(decode::probe(&mut decoder).map_err(PublishError::Contract)?);
        drop(decoder);
        (batching, because, prepare(None, &publication.network, &Trial::Tokens(&contract)))
    } else {
        let trial = publication.golden.as_ref().map_or(Trial::Inputs(&inputs), Trial::Golden);
        let prepared_because = prepare(None, &publication.network, &trial);
        let (batching, because) = verdict(probe::probe(&mut network, &inputs, &outputs, publication.golden.as_ref()));
        if let Some(matcher) = task.and_then(AnyTask::matcher) {
            named::trial(&matcher, (&mut network, Takes { inputs: &inputs, batching }), &mut named)?;
        }
        (batching, because, prepared_because)
    };
    for (name, files) in &publication.networks {
        prepare(Some(name), files, &Trial::Inputs(&named[name].described.inputs));
    }
    let networks = named.into_iter().map(|(name, named)| (name, named.described)).collect();
    let batching_because = because;
    Ok(Checked {
        publication,
        prepared,
        inputs,
        outputs,
        batching,
        batching_because,
        prepared_because,
        networks,
        warning,
    })
}

/// Whether rows may share a run, and why.
fn verdict(shared: Result<(), String>) -> (Batching, String) {
    match shared {
        Ok(()) => (Batching::Rows, "rows run together gave what each gives alone".to_owned()),
        Err(because) => (Batching::None, because),
    }
}
