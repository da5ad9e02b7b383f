//! The sessions of a version: each is created, checked and run once, before it gets a thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amaas_engine::generate::DecoderTensors;
use amaas_engine::onnx::NetworkFiles;
use amaas_engine::runtime::Environment;
use amaas_engine::session::{OrtDecoder, OrtSession};
use amaas_engine::{RunSharing, RuntimeConfig};
use bytes::Bytes;

use super::trial_network::{self, TrialNetwork};
use super::{LoadError, golden, trial, warm_up};
use crate::manifest::{GoldenCases, Manifest};
use crate::task::{Assets, LoadedTask, Tokenizer};

/// The fetched files of a version.
pub(super) struct FetchedFiles {
    pub(super) network: NetworkFormat,
    pub(super) golden: Option<Bytes>,
    pub(super) assets: Assets,
    pub(super) networks: BTreeMap<String, NetworkFormat>,
}

/// The format of a network file that a session is created from.
pub(super) enum NetworkFormat {
    /// The ONNX file as it was published.
    OrtSession(NetworkFiles),
    /// The network as ONNX Runtime optimised it when it was published.
    Ort(Bytes),
}

impl NetworkFormat {
    fn session(self, environment: &Environment, config: &RuntimeConfig) -> Result<OrtSession, LoadError> {
        match self {
            Self::OrtSession(files) => Ok(OrtSession::new(environment, &files, config)?),
            Self::Ort(bytes) => OrtSession::prepared(environment, bytes, config).map_err(LoadError::Prepared),
        }
    }
}

/// The sessions of a version, and the durations of the phases.
pub(super) struct ModelSessions {
    pub(super) network: ModelSession,
    pub(super) named: Vec<(String, OrtSession)>,
    pub(super) provider: &'static str,
    pub(super) warning: Option<String>,
    pub(super) session: Duration,
    pub(super) check: Duration,
    pub(super) warm_up: Duration,
}

/// The session of the model's own network, as its task runs it.
pub(super) enum ModelSession {
    /// Tensors to tensors.
    Tensors(OrtSession),
    /// Prompts to text.
    Decoder(OrtDecoder, Arc<dyn Tokenizer>),
}

/// Creates the sessions of the version that `manifest` describes. It blocks.
pub(super) fn create_sessions(
    environment: &Environment,
    files: FetchedFiles,
    manifest: &Manifest,
    task: Option<&LoadedTask>,
    config: &RuntimeConfig,
) -> Result<ModelSessions, LoadError> {
    let begun = Instant::now();
    let mut onnx = files.network.session(environment, config)?;
    let session = begun.elapsed();
    let (provider, warning) = (onnx.provider(), onnx.warning().map(str::to_owned));
    let mut is_cold = true;
    if let Some(golden) = &files.golden {
        let golden = GoldenCases::from_json(golden).map_err(LoadError::Golden)?;
        golden::check_golden(&mut onnx, provider, &golden)?;
        is_cold = golden.cases.is_empty();
    }
    onnx.check_growth()?;
    let named = files.networks.into_iter().map(|(name, files)| Ok((name, files.session(environment, config)?)));
    let named = named.collect::<Result<Vec<_>, LoadError>>()?;
    let checked = begun.elapsed();
    let (network, named) = match task.map(|task| (task, task.decoder(None))) {
        None => {
            if is_cold {
                warm_up::run_synthetic(&mut onnx, &manifest.inputs);
            }
            (ModelSession::Tensors(onnx), named)
        }
        Some((task, None)) => precompute_and_warm_up(task, manifest, onnx, named)?,
        Some((task, Some(decoder))) => {
            let contract = DecoderTensors::of(&manifest.inputs, &manifest.outputs, &decoder.tensors);
            let sharing = RunSharing::of(manifest.batching, manifest.rows_proof);
            let mut session = OrtDecoder::new(onnx, contract.map_err(LoadError::Contract)?, sharing);
            warm_up::run_decoder(&*decoder.tokenizer, task.example().input(), manifest, &mut session)?;
            (ModelSession::Decoder(session, Arc::clone(&decoder.tokenizer)), named)
        }
    };
    if let ModelSession::Tensors(onnx) = &network {
        onnx.check_growth()?;
    }
    named.iter().try_for_each(|(_, onnx)| onnx.check_growth())?;
    let (check, warm_up) = (checked.saturating_sub(session), begun.elapsed().saturating_sub(checked));
    Ok(ModelSessions { network, named, provider: provider.name(), warning, session, check, warm_up })
}

/// Precomputes `task`, and has it answer its example.
fn precompute_and_warm_up(
    task: &LoadedTask,
    manifest: &Manifest,
    onnx: OrtSession,
    named: Vec<(String, OrtSession)>,
) -> Result<(ModelSession, Vec<(String, OrtSession)>), LoadError> {
    let own = TrialNetwork::new(onnx);
    let named: Vec<_> = named.into_iter().map(|(name, onnx)| (name, TrialNetwork::new(onnx))).collect();
    let beside = named.iter().filter_map(|(name, network)| {
        let described = manifest.networks.get(name)?;
        Some((name.clone(), trial_network::network(network, described.into(), &described.outputs)))
    });
    let call = trial_network::call(trial_network::network(&own, manifest.into(), &manifest.outputs), beside.collect());
    trial::precompute(task, call.clone()).map_err(|error| trial::task_error(&error))?;
    warm_up::run_task(task, manifest, &own, call)?;
    let ended = || LoadError::Task(crate::task::TaskError::new("the task keeps a reference to its networks"));
    let named = named.into_iter().map(|(name, network)| Ok((name, network.take().ok_or_else(ended)?)));
    let named = named.collect::<Result<_, LoadError>>()?;
    Ok((ModelSession::Tensors(own.take().ok_or_else(ended)?), named))
}
