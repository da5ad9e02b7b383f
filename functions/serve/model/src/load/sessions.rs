//! The sessions of a version: made, checked and run once each, before any has a thread of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amaas_engine::runtime::Environment;
use bytes::Bytes;

use amaas_engine::session::{Onnx, OnnxDecoder};

use super::{LoadError, check, learn, warm_up};
use crate::manifest::{Golden, Manifest};
use crate::task::AnyGenerator;
use crate::task::{AnyTask, Assets};
use amaas_engine::RuntimeConfig;
use amaas_engine::generate::Contract;
use amaas_engine::onnx::NetworkFiles;
use amaas_engine::{Batching, Sharing};

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
    fn session(self, environment: &Environment, config: &RuntimeConfig) -> Result<Onnx, LoadError> {
        match self {
            Self::Given(files) => Ok(Onnx::new(environment, &files, config)?),
            Self::Prepared(bytes) => Onnx::prepared(environment, bytes, config).map_err(LoadError::Prepared),
        }
    }
}

/// The sessions of a version, and where the time went.
pub(super) struct Sessions {
    pub(super) network: Runs,
    pub(super) named: Vec<(String, Onnx)>,
    pub(super) provider: &'static str,
    pub(super) warning: Option<String>,
    pub(super) session: Duration,
    pub(super) check: Duration,
    pub(super) warm_up: Duration,
}

/// The model's own network, as its task needs it.
pub(super) enum Runs {
    /// Tensors to tensors.
    Tensors(Onnx),
    /// Tokens to tokens.
    Tokens(OnnxDecoder, Arc<dyn AnyGenerator>),
}

/// Makes the sessions of what `manifest` describes. It blocks.
pub(super) fn make(
    environment: &Environment,
    files: Files,
    manifest: &Manifest,
    task: Option<&Arc<dyn AnyTask>>,
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
    let mut named = Vec::with_capacity(files.networks.len());
    for (name, files) in files.networks {
        let mut network = files.session(environment, config)?;
        let batching = manifest.networks.get(&name).map_or(Batching::None, |network| network.batching);
        // A run of it, too: what the task has to know of it.
        learn(task, &name, &mut network, batching)?;
        network.check_growth()?;
        named.push((name, network));
    }
    let checked = begun.elapsed();
    let network = match task.and_then(|task| Arc::clone(task).generator()) {
        None => {
            match task {
                Some(task) => warm_up::task(task, manifest, &mut onnx, &mut named)?,
                None if is_cold => warm_up::tensors(&mut onnx, &manifest.inputs),
                None => {}
            }
            onnx.check_growth()?;
            Runs::Tensors(onnx)
        }
        Some(generator) => {
            let contract = Contract::of(&manifest.inputs, &manifest.outputs, &generator.tensors());
            let sharing = Sharing::of(manifest.batching, manifest.rows_proof);
            let mut decoder = OnnxDecoder::new(onnx, contract.map_err(LoadError::Contract)?, sharing);
            let example = task.map(|task| task.example()).unwrap_or_default();
            warm_up::tokens(&*generator, example, manifest, &mut decoder)?;
            Runs::Tokens(decoder, generator)
        }
    };
    let (check, warm_up) = (checked.saturating_sub(session), begun.elapsed().saturating_sub(checked));
    Ok(Sessions { network, named, provider: provider.name(), warning, session, check, warm_up })
}
