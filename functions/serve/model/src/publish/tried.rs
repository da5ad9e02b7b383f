//! What a network is run for before it is published: its task's example, whether calls may share its runs, and its prepared form.
//!
//! A session holds the weights, and so does what prepares another one. Each ends before the next begins, so that publishing takes
//! little more than twice the weights.

use std::collections::BTreeMap;
use std::sync::Arc;

use amaas_engine::generate::DecoderTensors;
use amaas_engine::infer::{InputContract, SyntheticValues};
use amaas_engine::onnx::{NetworkFiles, rows};
use amaas_engine::runtime::Environment;
use amaas_engine::session::{OrtDecoder, OrtSession};
use amaas_engine::{Batching, RunSharing, RuntimeConfig, TensorSpec};
use amaas_wire::Tensor;
use bytes::Bytes;

use super::cases::{Cases, cases};
use super::prepare::{Ready, Trial, prepare};
use super::probe::Seen;
use super::share::{Shared, decide};
use super::upload::unknown;
use super::{Publication, PublishError, decode, probe};
use crate::error::PredictError;
use crate::load::{self, Direct, trial};
use crate::manifest::NamedNetwork;
use crate::task::{DecoderSpec, LoadedTask, ModelCall};

/// A publication whose network is being tried.
pub(super) struct Checking<'c> {
    pub(super) publication: &'c Publication,
    /// What the network takes and gives.
    pub(super) tensors: (&'c [TensorSpec], &'c [TensorSpec]),
    pub(super) environment: Environment,
    pub(super) config: RuntimeConfig,
    /// Networks in the form that is ready soonest, by name; the model's own has none.
    pub(super) prepared: Vec<(Option<String>, Bytes)>,
    pub(super) warnings: Vec<String>,
}

/// What the trials showed.
pub(super) struct Tried {
    pub(super) shared: Shared,
    pub(super) prepared_because: String,
    pub(super) named_because: BTreeMap<String, String>,
    pub(super) networks: BTreeMap<String, NamedNetwork>,
}

impl Checking<'_> {
    /// Tries a network that generates text.
    pub(super) fn decoder(
        &mut self,
        network: OrtSession,
        decoder: &DecoderSpec,
        example: &str,
    ) -> Result<Tried, PublishError> {
        network.check_trial()?;
        let (inputs, outputs) = self.tensors;
        let files = &self.publication.network;
        let contract = DecoderTensors::of(inputs, outputs, &decoder.tensors).map_err(PublishError::Contract)?;
        let mut session = OrtDecoder::new(network, contract.clone(), RunSharing::None);
        let tokenizer = &*decoder.tokenizer;
        trial::go_on(tokenizer, example, TOKENS, &mut session)
            .map_err(|error| self.refused(&error, &BTreeMap::new()))?;
        // That it generates text at all is asked in any case.
        let seen = decode::probe(&mut session, tokenizer.context_length()).map_err(PublishError::Contract)?;
        let prove = || decode::prove(files, &contract);
        let shared = decide(None, self.publication.batching, Ok(()), prove, || seen)?;
        drop(session);
        let prepared_because = self.prepare(None, files, &Trial::Tokens(&contract));
        Ok(Tried { shared, prepared_because, named_because: BTreeMap::new(), networks: BTreeMap::new() })
    }

    /// Tries a network from tensors to tensors, and those beside it.
    pub(super) fn tensors(
        &mut self,
        network: OrtSession,
        named: BTreeMap<String, NamedSession>,
        task: Option<&LoadedTask>,
    ) -> Result<Tried, PublishError> {
        let (publication, inputs) = (self.publication, self.tensors.0);
        let own = Direct::new(network);
        let mut named: BTreeMap<_, _> = named.into_iter().map(|(name, session)| (name, Beside::new(session))).collect();
        // Each input alone, first: of one the error is plainer, and nothing is known of batches yet.
        let mut example = Vec::new();
        if let Some(task) = task {
            self.answer(task, 1, (&own, Batching::None), &named)?;
            let runs = own.take_runs();
            let outputs: Vec<_> = runs.first().map(|run| run.outputs.clone()).unwrap_or_default();
            self.warnings.extend(other_norm(task, &outputs));
            example = runs.into_iter().map(|run| run.inputs).collect();
        }
        let ended = || PublishError::Interrupted("the trial is over".to_owned());
        let warnings = &mut self.warnings;
        let golden = publication.golden.as_ref();
        let cases = own.with(|network| Cases::of((network, inputs), golden, example, warnings)).ok_or_else(ended)?;
        own.with(|network| network.check_trial()).ok_or_else(ended)??;
        let (fits, prove) = (probe::same_batch(inputs), || rows::prove(&publication.network));
        let seen = || {
            let like = |network: &mut OrtSession| probe::probe_like(network, inputs, cases.golden(), cases.like());
            match own.with(like).unwrap_or_else(|| Seen::NotRun("the trial is over".to_owned())) {
                Seen::NotRun(_) if matches!(cases, Cases::None) => Seen::NotRun("see the warning".to_owned()),
                seen => seen,
            }
        };
        let shared = decide(None, publication.batching, fits, prove, seen)?;
        for (name, beside) in &mut named {
            beside.decide(name, publication)?;
        }
        let has_rows = shared.batching.has_rows() || named.values().any(|beside| beside.described.batching.has_rows());
        if let Some(task) = task.filter(|task| has_rows && task.max_inputs() > 1) {
            self.answer(task, TOGETHER.min(task.max_inputs()), (&own, shared.batching), &named)?;
        }
        drop(own);
        let prepared_because = self.prepare(None, &publication.network, &cases.trial());
        let (mut named_because, mut networks) = (BTreeMap::new(), BTreeMap::new());
        for (name, Beside { network, described, because, runs }) in named {
            drop(network);
            let known = (!runs.is_empty()).then(|| self::cases(runs));
            let trial =
                known.as_ref().map_or(Trial::Inputs(&described.inputs, SyntheticValues::default()), Trial::Golden);
            self.prepare(Some(&name), &publication.networks[&name], &trial);
            named_because.insert(name.clone(), because);
            networks.insert(name, described);
        }
        Ok(Tried { shared, prepared_because, named_because, networks })
    }

    /// Has `task` compute what it needs of its networks, and answer `count` times its example.
    fn answer(
        &self,
        task: &LoadedTask,
        count: usize,
        (own, batching): (&Arc<Direct<OrtSession>>, Batching),
        named: &BTreeMap<String, Beside>,
    ) -> Result<(), PublishError> {
        let call = self.call((own, batching), named);
        let answered = trial::precompute(task, call.clone()).and_then(|()| trial::answer(task, call, count));
        answered.map_err(|error| self.refused(&error, named))
    }

    fn call(
        &self,
        (own, batching): (&Arc<Direct<OrtSession>>, Batching),
        named: &BTreeMap<String, Beside>,
    ) -> ModelCall {
        let takes = InputContract { inputs: self.tensors.0, batching, sharing: RunSharing::None };
        let beside = |(name, Beside { network, described, .. }): (&String, &Beside)| {
            (name.clone(), load::network(network, described.into(), &described.outputs))
        };
        load::call(load::network(own, takes, self.tensors.1), named.iter().map(beside).collect())
    }

    /// Why the task cannot run its networks.
    fn refused(&self, error: &PredictError, named: &BTreeMap<String, Beside>) -> PublishError {
        let own = (None, self.tensors.0, self.tensors.1);
        let named = named
            .iter()
            .map(|(name, it)| (Some(name.as_str()), it.described.inputs.as_slice(), it.described.outputs.as_slice()));
        let networks: Vec<_> = std::iter::once(own).chain(named).collect();
        trial::refused(self.publication.task.as_deref().unwrap_or_default(), error, &networks).into()
    }

    /// Keeps the prepared form of `files`, where there is one; says why, or why not.
    fn prepare(&mut self, name: Option<&String>, files: &NetworkFiles, trial: &Trial<'_>) -> String {
        match prepare(&self.environment, files, trial, &self.config) {
            Ok(Ready { bytes, because }) => {
                self.prepared.push((name.cloned(), bytes));
                because
            }
            Err(because) => because,
        }
    }
}

/// A network beside the model's own, with a session.
pub(super) struct NamedSession {
    pub(super) onnx: OrtSession,
    pub(super) described: NamedNetwork,
}

/// A network beside the model's own, while it is tried.
struct Beside {
    network: Arc<Direct<OrtSession>>,
    described: NamedNetwork,
    /// Why calls share its runs, or not.
    because: String,
    /// What the task ran it on.
    runs: Vec<Vec<Tensor>>,
}

impl Beside {
    fn new(NamedSession { onnx, described }: NamedSession) -> Self {
        Self { network: Direct::new(onnx), described, because: String::new(), runs: Vec::new() }
    }

    /// Decides which calls share its runs, on what the task ran it on.
    fn decide(&mut self, name: &String, publication: &Publication) -> Result<(), PublishError> {
        self.runs = self.network.take_runs().into_iter().map(|run| run.inputs).collect();
        let known = (!self.runs.is_empty()).then(|| cases(self.runs.clone()));
        let inputs = &self.described.inputs;
        let (fits, prove) = (probe::same_batch(inputs), || rows::prove(&publication.networks[name]));
        let ended = || Seen::NotRun("the trial is over".to_owned());
        let probed = || self.network.with(|onnx| probe::probe(onnx, inputs, known.as_ref())).unwrap_or_else(ended);
        let Shared { batching, rows_proof, because } = decide(Some(name), publication.batching, fits, prove, probed)?;
        let checked = self.network.with(|onnx| onnx.check_trial());
        checked.transpose()?;
        (self.described.batching, self.described.rows_proof, self.because) = (batching, rows_proof, because);
        Ok(())
    }
}

/// A network whose batches are not known yet.
pub(super) fn undecided(files: &NetworkFiles, inputs: Vec<TensorSpec>, outputs: Vec<TensorSpec>) -> NamedNetwork {
    NamedNetwork { inputs, outputs, ..unknown(files) }
}

/// What a publisher is warned of if vectors are not of length 1.
fn other_norm(task: &LoadedTask, outputs: &[Tensor]) -> Option<String> {
    let norm = task.interfaces().embeddings.as_ref()?.other_norm(outputs)?;
    Some(format!(
        "the network's vectors are not of length 1 (that of the task's example has {norm:.3}): each is divided by its length when it is \
         answered"
    ))
}

/// Tokens that the example is gone on with.
const TOKENS: usize = 2;
/// Examples in one run, where calls share runs.
const TOGETHER: usize = 3;
