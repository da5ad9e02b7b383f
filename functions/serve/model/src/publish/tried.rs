//! What a network is run for before it is published: its task's example, whether calls may share its runs, and its prepared form.
//!
//! A session holds the weights, and so does what prepares another one. Each ends before the next begins, so that publishing takes
//! little more than twice the weights.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use amaas_engine::runtime::Environment;
use amaas_wire::Tensor;
use bytes::Bytes;

use super::cases::Cases;
use super::named::{self, Named};
use super::prepare::{Ready, Trial, prepare};
use super::probe::Seen;
use super::share::{Shared, decide};
use super::{Publication, PublishError, decode, probe};
use crate::error::PredictError;
use crate::load::trial;
use crate::manifest::NamedNetwork;
use crate::task::AnyGenerator;
use crate::task::AnyTask;
use amaas_engine::RuntimeConfig;
use amaas_engine::generate::Contract;
use amaas_engine::infer::Takes;
use amaas_engine::infer::Values;
use amaas_engine::onnx::{NetworkFiles, rows};
use amaas_engine::session::{Onnx, OnnxDecoder};
use amaas_engine::{Batching, Sharing, TensorSpec};

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
    /// Tries a network that goes on with texts.
    pub(super) fn tokens(
        &mut self,
        network: Onnx,
        generator: &dyn AnyGenerator,
        example: &str,
    ) -> Result<Tried, PublishError> {
        network.check_trial()?;
        let (inputs, outputs) = self.tensors;
        let files = &self.publication.network;
        let contract = Contract::of(inputs, outputs, &generator.tensors()).map_err(PublishError::Contract)?;
        let mut decoder = OnnxDecoder::new(network, contract.clone(), Sharing::None);
        trial::go_on(generator, example, TOKENS, &mut decoder).map_err(|error| self.refused(&error, None))?;
        // That it goes on with texts at all is asked in any case.
        let seen = decode::probe(&mut decoder, generator.context_length()).map_err(PublishError::Contract)?;
        let prove = || decode::prove(files, &contract);
        let shared = decide(None, self.publication.batching, Ok(()), prove, || seen)?;
        drop(decoder);
        let prepared_because = self.prepare(None, files, &Trial::Tokens(&contract));
        Ok(Tried { shared, prepared_because, named_because: BTreeMap::new(), networks: BTreeMap::new() })
    }

    /// Tries a network from tensors to tensors, and those beside it.
    pub(super) fn tensors(
        &mut self,
        mut network: Onnx,
        task: Option<&Arc<dyn AnyTask>>,
    ) -> Result<Tried, PublishError> {
        let ((inputs, _), publication) = (self.tensors, self.publication);
        let plain = task.filter(|task| Arc::clone(task).matcher().is_none());
        if let Some(task) = plain {
            let given = self.answer(&mut network, task, 1, Batching::None)?;
            self.warnings.extend(other_norm(task, &given));
        }
        let cases = Cases::of((&mut network, inputs), publication.golden.as_ref(), task, &mut self.warnings);
        network.check_trial()?;
        let (fits, prove) = (probe::same_batch(inputs), || rows::prove(&publication.network));
        let shared = decide(None, publication.batching, fits, prove, || {
            match probe::probe_like(&mut network, inputs, cases.golden(), cases.like()) {
                Seen::NotRun(_) if matches!(cases, Cases::None) => Seen::NotRun("see the warning".to_owned()),
                seen => seen,
            }
        })?;
        let count =
            |task: &Arc<dyn AnyTask>| if shared.batching.has_rows() { TOGETHER.min(task.most_inputs()) } else { 1 };
        if let Some(task) = plain.filter(|task| count(task) > 1) {
            self.answer(&mut network, task, count(task), shared.batching)?;
        }
        let session = |files: &NetworkFiles| Onnx::new(&self.environment, files, &self.config);
        let mut named = named::check(session, task, &publication.networks, publication.batching)?;
        if let Some((task, matcher)) = task.and_then(|task| Some((task, Arc::clone(task).matcher()?))) {
            let takes = Takes { inputs, batching: shared.batching, sharing: Sharing::None };
            // Of one the error is plainer.
            for count in BTreeSet::from([1, count(task)]) {
                named::trial(&matcher, count, (&mut network, takes), &mut named)
                    .map_err(|error| self.refused(&error, Some(&named)))?;
            }
        }
        drop(network);
        let prepared_because = self.prepare(None, &publication.network, &cases.trial());
        let (mut named_because, mut networks) = (BTreeMap::new(), BTreeMap::new());
        for (name, Named { onnx, described, because, known }) in named {
            drop(onnx);
            let trial = known.as_ref().map_or(Trial::Inputs(&described.inputs, Values::default()), Trial::Golden);
            self.prepare(Some(&name), &publication.networks[&name], &trial);
            named_because.insert(name.clone(), because);
            networks.insert(name, described);
        }
        Ok(Tried { shared, prepared_because, named_because, networks })
    }

    /// Has `network` answer `count` times the example of `task`.
    fn answer(
        &self,
        network: &mut Onnx,
        task: &Arc<dyn AnyTask>,
        count: usize,
        batching: Batching,
    ) -> Result<Vec<Vec<Tensor>>, PublishError> {
        let takes = Takes { inputs: self.tensors.0, batching, sharing: Sharing::None };
        trial::answer(task, count, (network, takes)).map_err(|error| self.refused(&error, None))
    }

    /// What is said where the task cannot run the network and those that are `named`.
    fn refused(&self, error: &PredictError, named: Option<&BTreeMap<String, Named>>) -> PublishError {
        let own = (None, self.tensors.0, self.tensors.1);
        let named = named.into_iter().flatten();
        let named = named
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

/// What a publisher is told of vectors that are not of length 1.
fn other_norm(task: &Arc<dyn AnyTask>, outputs: &[Vec<Tensor>]) -> Option<String> {
    let norm = Arc::clone(task).embedder()?.other_norm(outputs.first()?)?;
    Some(format!(
        "the network's vectors are not of length 1 (that of the task's example has {norm:.3}): each is divided by its length when it is \
         answered"
    ))
}

/// Tokens that the example is gone on with.
const TOKENS: usize = 2;
/// Examples in one run, where calls share runs.
const TOGETHER: usize = 3;
