//! The trials of a network before it is published: its task's example, whether calls may share runs, and its prepared form.
//!
//! A session holds the weights, and so does the preparation of another. Each ends before the next begins, so that publishing
//! needs little more memory than twice the weights.

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

use super::prepare::{EquivalenceInputs, PreparedForm, prepare};
use super::probe::ProbeResult;
use super::sharing::{SharingDecision, decide_sharing};
use super::trial_inputs::{TrialInputs, unlabelled_cases};
use super::upload::undescribed_network;
use super::{Publication, PublishError, decoder_trial, probe};
use crate::error::PredictError;
use crate::load::trial;
use crate::load::trial_network::{self, TrialNetwork};
use crate::manifest::AuxiliaryNetwork;
use crate::task::{DecoderSpec, LoadedTask, ModelCall};

/// A publication in its trials.
pub(super) struct NetworkTrial<'c> {
    pub(super) publication: &'c Publication,
    /// The inputs and outputs of the model's own network.
    pub(super) tensors: (&'c [TensorSpec], &'c [TensorSpec]),
    pub(super) environment: Environment,
    pub(super) config: RuntimeConfig,
    /// Prepared networks, by name; `None` is the model's own.
    pub(super) prepared: Vec<(Option<String>, Bytes)>,
    pub(super) warnings: Vec<String>,
}

/// The outcome of the trials.
pub(super) struct TrialOutcome {
    pub(super) shared: SharingDecision,
    pub(super) prepared_reason: String,
    pub(super) auxiliary_reasons: BTreeMap<String, String>,
    pub(super) networks: BTreeMap<String, AuxiliaryNetwork>,
}

impl NetworkTrial<'_> {
    /// Tries a network that generates text.
    pub(super) fn try_decoder(
        &mut self,
        network: OrtSession,
        decoder: &DecoderSpec,
        example: &str,
    ) -> Result<TrialOutcome, PublishError> {
        network.check_trial()?;
        let (inputs, outputs) = self.tensors;
        let files = &self.publication.network;
        let contract = DecoderTensors::of(inputs, outputs, &decoder.tensors).map_err(PublishError::Contract)?;
        let mut session = OrtDecoder::new(network, contract.clone(), RunSharing::None);
        let tokenizer = &*decoder.tokenizer;
        trial::generate_tokens(tokenizer, example, TRIAL_TOKENS, &mut session)
            .map_err(|error| self.incompatible(&error, &BTreeMap::new()))?;
        // The probe runs in any case, to check that the network generates text at all.
        let seen =
            decoder_trial::probe_sequences(&mut session, tokenizer.context_length()).map_err(PublishError::Contract)?;
        let prove = || decoder_trial::prove_sequences(files, &contract);
        let shared = decide_sharing(None, self.publication.batching, Ok(()), prove, || seen)?;
        drop(session);
        let prepared_reason = self.prepare(None, files, &EquivalenceInputs::Tokens(&contract));
        Ok(TrialOutcome { shared, prepared_reason, auxiliary_reasons: BTreeMap::new(), networks: BTreeMap::new() })
    }

    /// Tries a network from tensors to tensors, and the auxiliary networks.
    pub(super) fn try_tensors(
        &mut self,
        network: OrtSession,
        named: BTreeMap<String, AuxiliarySession>,
        task: Option<&LoadedTask>,
    ) -> Result<TrialOutcome, PublishError> {
        let (publication, inputs) = (self.publication, self.tensors.0);
        let own = TrialNetwork::new(network);
        let mut named: BTreeMap<_, _> =
            named.into_iter().map(|(name, session)| (name, AuxiliaryTrial::new(session))).collect();
        // First with one input: its error is clearer, and whether the network has a batch is not known yet.
        let mut example = Vec::new();
        if let Some(task) = task {
            self.predict_examples(task, 1, (&own, Batching::None), &named)?;
            let runs = own.take_runs();
            let outputs: Vec<_> = runs.first().map(|run| run.outputs.clone()).unwrap_or_default();
            self.warnings.extend(non_unit_norm(task, &outputs));
            example = runs.into_iter().map(|run| run.inputs).collect();
        }
        let ended = || PublishError::Interrupted("the trial is over".to_owned());
        let warnings = &mut self.warnings;
        let golden = publication.golden.as_ref();
        let cases = own
            .with_network(|network| TrialInputs::of((network, inputs), golden, example, warnings))
            .ok_or_else(ended)?;
        own.with_network(|network| network.check_trial()).ok_or_else(ended)??;
        let (fits, prove) = (probe::same_batch(inputs), || rows::prove(&publication.network));
        let seen = || {
            let like =
                |network: &mut OrtSession| probe::probe_with_kind(network, inputs, cases.golden(), cases.value_kind());
            match own.with_network(like).unwrap_or_else(|| ProbeResult::NotRun("the trial is over".to_owned())) {
                ProbeResult::NotRun(_) if matches!(cases, TrialInputs::None) => {
                    ProbeResult::NotRun("see the warning".to_owned())
                }
                seen => seen,
            }
        };
        let shared = decide_sharing(None, publication.batching, fits, prove, seen)?;
        for (name, auxiliary) in &mut named {
            auxiliary.decide_sharing(name, publication)?;
        }
        let has_rows =
            shared.batching.has_rows() || named.values().any(|auxiliary| auxiliary.manifest_entry.batching.has_rows());
        if let Some(task) = task.filter(|task| has_rows && task.max_inputs() > 1) {
            self.predict_examples(task, BATCHED_EXAMPLES.min(task.max_inputs()), (&own, shared.batching), &named)?;
        }
        drop(own);
        let prepared_reason = self.prepare(None, &publication.network, &cases.equivalence_inputs());
        let (mut auxiliary_reasons, mut networks) = (BTreeMap::new(), BTreeMap::new());
        for (name, AuxiliaryTrial { network, manifest_entry, reason, runs }) in named {
            drop(network);
            let known = (!runs.is_empty()).then(|| unlabelled_cases(runs));
            let trial = known.as_ref().map_or(
                EquivalenceInputs::Synthetic(&manifest_entry.inputs, SyntheticValues::default()),
                EquivalenceInputs::Golden,
            );
            self.prepare(Some(&name), &publication.networks[&name], &trial);
            auxiliary_reasons.insert(name.clone(), reason);
            networks.insert(name, manifest_entry);
        }
        Ok(TrialOutcome { shared, prepared_reason, auxiliary_reasons, networks })
    }

    /// Precomputes `task`, and has it predict `count` copies of its example.
    fn predict_examples(
        &self,
        task: &LoadedTask,
        count: usize,
        (own, batching): (&Arc<TrialNetwork<OrtSession>>, Batching),
        named: &BTreeMap<String, AuxiliaryTrial>,
    ) -> Result<(), PublishError> {
        let call = self.trial_call((own, batching), named);
        let answered = trial::precompute(task, call.clone()).and_then(|()| trial::run_example(task, call, count));
        answered.map_err(|error| self.incompatible(&error, named))
    }

    fn trial_call(
        &self,
        (own, batching): (&Arc<TrialNetwork<OrtSession>>, Batching),
        named: &BTreeMap<String, AuxiliaryTrial>,
    ) -> ModelCall {
        let takes = InputContract { inputs: self.tensors.0, batching, sharing: RunSharing::None };
        let auxiliary = |(name, AuxiliaryTrial { network, manifest_entry, .. }): (&String, &AuxiliaryTrial)| {
            (name.clone(), trial_network::network(network, manifest_entry.into(), &manifest_entry.outputs))
        };
        trial_network::call(trial_network::network(own, takes, self.tensors.1), named.iter().map(auxiliary).collect())
    }

    /// The error that the task cannot run its networks.
    fn incompatible(&self, error: &PredictError, named: &BTreeMap<String, AuxiliaryTrial>) -> PublishError {
        let own = (None, self.tensors.0, self.tensors.1);
        let named = named.iter().map(|(name, it)| {
            (Some(name.as_str()), it.manifest_entry.inputs.as_slice(), it.manifest_entry.outputs.as_slice())
        });
        let networks: Vec<_> = std::iter::once(own).chain(named).collect();
        trial::incompatible(self.publication.task.as_deref().unwrap_or_default(), error, &networks).into()
    }

    /// Keeps the prepared form of `files`, if there is one. Returns the reason.
    fn prepare(&mut self, name: Option<&String>, files: &NetworkFiles, trial: &EquivalenceInputs<'_>) -> String {
        match prepare(&self.environment, files, trial, &self.config) {
            Ok(PreparedForm { bytes, reason }) => {
                self.prepared.push((name.cloned(), bytes));
                reason
            }
            Err(reason) => reason,
        }
    }
}

/// An auxiliary network with its session.
pub(super) struct AuxiliarySession {
    pub(super) onnx: OrtSession,
    pub(super) manifest_entry: AuxiliaryNetwork,
}

/// An auxiliary network in its trials.
struct AuxiliaryTrial {
    network: Arc<TrialNetwork<OrtSession>>,
    manifest_entry: AuxiliaryNetwork,
    /// Why calls share its runs, or not.
    reason: String,
    /// The inputs on which the task ran it.
    runs: Vec<Vec<Tensor>>,
}

impl AuxiliaryTrial {
    fn new(AuxiliarySession { onnx, manifest_entry }: AuxiliarySession) -> Self {
        Self { network: TrialNetwork::new(onnx), manifest_entry, reason: String::new(), runs: Vec::new() }
    }

    /// Decides which calls share its runs, with the inputs on which the task ran it.
    fn decide_sharing(&mut self, name: &String, publication: &Publication) -> Result<(), PublishError> {
        self.runs = self.network.take_runs().into_iter().map(|run| run.inputs).collect();
        let known = (!self.runs.is_empty()).then(|| unlabelled_cases(self.runs.clone()));
        let inputs = &self.manifest_entry.inputs;
        let (fits, prove) = (probe::same_batch(inputs), || rows::prove(&publication.networks[name]));
        let ended = || ProbeResult::NotRun("the trial is over".to_owned());
        let probed =
            || self.network.with_network(|onnx| probe::probe(onnx, inputs, known.as_ref())).unwrap_or_else(ended);
        let SharingDecision { batching, rows_proof, reason } =
            decide_sharing(Some(name), publication.batching, fits, prove, probed)?;
        let checked = self.network.with_network(|onnx| onnx.check_trial());
        checked.transpose()?;
        (self.manifest_entry.batching, self.manifest_entry.rows_proof, self.reason) = (batching, rows_proof, reason);
        Ok(())
    }
}

/// A network whose batching is not decided yet.
pub(super) fn undecided(files: &NetworkFiles, inputs: Vec<TensorSpec>, outputs: Vec<TensorSpec>) -> AuxiliaryNetwork {
    AuxiliaryNetwork { inputs, outputs, ..undescribed_network(files) }
}

/// The warning if vectors do not have length 1.
fn non_unit_norm(task: &LoadedTask, outputs: &[Tensor]) -> Option<String> {
    let norm = task.interfaces().embeddings.as_ref()?.non_unit_norm(outputs)?;
    Some(format!(
        "the network's vectors are not of length 1 (the task's example has {norm:.3}): answers are normalised"
    ))
}

/// The tokens that are generated after the example.
const TRIAL_TOKENS: usize = 2;
/// The examples in one run, if calls share runs.
const BATCHED_EXAMPLES: usize = 3;
