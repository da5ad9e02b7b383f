//! The sessions of a version: made, checked and run once each, before any has a thread of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amaas_engine::generate::DecoderTensors;
use amaas_engine::onnx::NetworkFiles;
use amaas_engine::runtime::Environment;
use amaas_engine::session::{OrtDecoder, OrtSession};
use amaas_engine::{RunSharing, RuntimeConfig};
use bytes::Bytes;

use super::direct::{self, Direct};
use super::{LoadError, check, trial, warm_up};
use crate::manifest::{Golden, Manifest};
use crate::task::{Assets, LoadedTask, Tokenizer};

/// The fetched files of a version.
pub(super) struct Files {
    pub(super) network: Form,
    pub(super) golden: Option<Bytes>,
    pub(super) assets: Assets,
    pub(super) networks: BTreeMap<String, Form>,
}

/// What a session is made of.
pub(super) enum Form {
    /// The network as it was handed over.
    Given(NetworkFiles),
    /// What publishing made of it.
    Prepared(Bytes),
}

impl Form {
    fn session(self, environment: &Environment, config: &RuntimeConfig) -> Result<OrtSession, LoadError> {
        match self {
            Self::Given(files) => Ok(OrtSession::new(environment, &files, config)?),
            Self::Prepared(bytes) => OrtSession::prepared(environment, bytes, config).map_err(LoadError::Prepared),
        }
    }
}

/// The sessions of a version, and where the time went.
pub(super) struct Sessions {
    pub(super) network: Session,
    pub(super) named: Vec<(String, OrtSession)>,
    pub(super) provider: &'static str,
    pub(super) warning: Option<String>,
    pub(super) session: Duration,
    pub(super) check: Duration,
    pub(super) warm_up: Duration,
}

/// The session of the model's own network, as its task runs it.
pub(super) enum Session {
    /// Tensors to tensors.
    Tensors(OrtSession),
    /// Prompts to text.
    Decoder(OrtDecoder, Arc<dyn Tokenizer>),
}

/// Makes the sessions of what `manifest` describes. It blocks.
pub(super) fn make(
    environment: &Environment,
    files: Files,
    manifest: &Manifest,
    task: Option<&LoadedTask>,
    config: &RuntimeConfig,
) -> Result<Sessions, LoadError> {
    let begun = Instant::now();
    let mut onnx = files.network.session(environment, config)?;
    let session = begun.elapsed();
    let (provider, warning) = (onnx.provider(), onnx.warning().map(str::to_owned));
    let mut is_cold = true;
    if let Some(golden) = &files.golden {
        let golden = Golden::from_json(golden).map_err(LoadError::Golden)?;
        check::check(&mut onnx, provider, &golden)?;
        is_cold = golden.cases.is_empty();
    }
    onnx.check_growth()?;
    let named = files.networks.into_iter().map(|(name, files)| Ok((name, files.session(environment, config)?)));
    let named = named.collect::<Result<Vec<_>, LoadError>>()?;
    let checked = begun.elapsed();
    let (network, named) = match task.map(|task| (task, task.decoder(None))) {
        None => {
            if is_cold {
                warm_up::tensors(&mut onnx, &manifest.inputs);
            }
            (Session::Tensors(onnx), named)
        }
        Some((task, None)) => run_once(task, manifest, onnx, named)?,
        Some((task, Some(decoder))) => {
            let contract = DecoderTensors::of(&manifest.inputs, &manifest.outputs, &decoder.tensors);
            let sharing = RunSharing::of(manifest.batching, manifest.rows_proof);
            let mut session = OrtDecoder::new(onnx, contract.map_err(LoadError::Contract)?, sharing);
            warm_up::tokens(&*decoder.tokenizer, task.example(), manifest, &mut session)?;
            (Session::Decoder(session, Arc::clone(&decoder.tokenizer)), named)
        }
    };
    if let Session::Tensors(onnx) = &network {
        onnx.check_growth()?;
    }
    named.iter().try_for_each(|(_, onnx)| onnx.check_growth())?;
    let (check, warm_up) = (checked.saturating_sub(session), begun.elapsed().saturating_sub(checked));
    Ok(Sessions { network, named, provider: provider.name(), warning, session, check, warm_up })
}

/// Has `task` compute what it needs of its networks, and answer its example on them.
fn run_once(
    task: &LoadedTask,
    manifest: &Manifest,
    onnx: OrtSession,
    named: Vec<(String, OrtSession)>,
) -> Result<(Session, Vec<(String, OrtSession)>), LoadError> {
    let own = Direct::new(onnx);
    let named: Vec<_> = named.into_iter().map(|(name, onnx)| (name, Direct::new(onnx))).collect();
    let beside = named.iter().filter_map(|(name, network)| {
        let described = manifest.networks.get(name)?;
        Some((name.clone(), direct::network(network, described.into(), &described.outputs)))
    });
    let call = direct::call(direct::network(&own, manifest.into(), &manifest.outputs), beside.collect());
    trial::precompute(task, call.clone()).map_err(|error| trial::failed(&error))?;
    warm_up::task(task, manifest, &own, call)?;
    let ended = || LoadError::Task(crate::task::TaskError::new("the task holds its networks"));
    let named = named.into_iter().map(|(name, network)| Ok((name, network.take().ok_or_else(ended)?)));
    let named = named.collect::<Result<_, LoadError>>()?;
    Ok((Session::Tensors(own.take().ok_or_else(ended)?), named))
}
