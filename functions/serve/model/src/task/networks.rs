//! The networks of a model, for tasks and routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use amaas_engine::generate::ContinuousBatcher;
use amaas_engine::infer::{DynamicBatcher, InputContract, ValidTensors};
use amaas_engine::{Batching, RunError, RunSharing, TensorSpec};
use amaas_wire::Tensor;
use async_trait::async_trait;

use crate::error::PredictError;

/// The networks of a model.
pub struct ModelNetworks {
    own: ModelNetwork,
    named: BTreeMap<String, ModelNetwork>,
}

impl ModelNetworks {
    /// The model's own network, and the auxiliary networks of its task by name.
    pub fn new(own: ModelNetwork, named: BTreeMap<String, ModelNetwork>) -> Self {
        Self { own, named }
    }

    /// The model's own network.
    pub fn own(&self) -> &ModelNetwork {
        &self.own
    }

    /// The network that was published under `name`.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(&self, name: &str) -> Result<&ModelNetwork, PredictError> {
        self.named.get(name).ok_or_else(|| PredictError::internal(format!("there is no network {name:?}")))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &ModelNetwork> {
        std::iter::once(&self.own).chain(self.named.values())
    }
}

/// One network.
pub struct ModelNetwork {
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    batching: Batching,
    sharing: RunSharing,
    executor: NetworkExecutor,
}

/// The executor of a network.
#[derive(Clone)]
pub enum NetworkExecutor {
    /// Tensors to tensors, with adaptive batching.
    Batched(Arc<DynamicBatcher>),
    /// Prompts to text, with a KV cache.
    Decoder(Arc<ContinuousBatcher>),
    /// Tensors to tensors on the calling thread: a trial.
    Direct(Arc<dyn RunTensors>),
}

/// Runs a network from tensors to tensors.
#[async_trait]
pub trait RunTensors: Send + Sync {
    /// Runs the network once, and returns its outputs.
    ///
    /// # Errors
    /// [`RunError`].
    async fn run(&self, inputs: ValidTensors) -> Result<Vec<Tensor>, RunError>;
}

impl ModelNetwork {
    /// A network with these tensors, run by `executor`.
    pub fn new(
        (inputs, outputs): (Vec<TensorSpec>, Vec<TensorSpec>),
        (batching, sharing): (Batching, RunSharing),
        executor: NetworkExecutor,
    ) -> Self {
        Self { inputs, outputs, batching, sharing, executor }
    }

    /// Its inputs.
    pub fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    /// Its outputs.
    pub fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    /// Whether the first dimension is the batch, so that several inputs can share a run.
    pub fn has_rows(&self) -> bool {
        self.batching.has_rows()
    }

    /// How its rows are batched.
    pub fn batching(&self) -> Batching {
        self.batching
    }

    /// The batching executor; `None` for a decoder.
    pub(crate) fn infer(&self) -> Option<&Arc<DynamicBatcher>> {
        if let NetworkExecutor::Batched(infer) = &self.executor { Some(infer) } else { None }
    }

    /// The maximum number of queued calls, if it is a decoder.
    pub fn max_queued_calls(&self) -> Option<usize> {
        self.generate().map(|generate| generate.max_queued_calls())
    }

    /// The text generator; `None` if it is not a decoder.
    pub(crate) fn generate(&self) -> Option<&Arc<ContinuousBatcher>> {
        if let NetworkExecutor::Decoder(generate) = &self.executor { Some(generate) } else { None }
    }

    /// The inputs that a call has to send, and how they are batched.
    pub fn takes(&self) -> InputContract<'_> {
        InputContract { inputs: &self.inputs, batching: self.batching, sharing: self.sharing }
    }

    /// Validates the tensors of each run against the network's inputs.
    ///
    /// # Errors
    /// [`PredictError::internal`] if the task's tensors do not fit the network.
    pub fn prepare(
        &self,
        runs: Vec<Vec<Tensor>>,
        tenant: Option<&str>,
        max_rows: usize,
    ) -> Result<PreparedRuns, PredictError> {
        let valid = |tensors| {
            let valid = ValidTensors::new(tensors, self.takes(), max_rows)?;
            Ok(match tenant {
                Some(tenant) => valid.of_tenant(tenant),
                None => valid,
            })
        };
        let runs = runs.into_iter().map(valid).collect::<Result<Vec<_>, amaas_engine::infer::ValidationError>>();
        Ok(PreparedRuns { runs: runs.map_err(PredictError::internal)? })
    }

    pub(super) async fn run(&self, runs: PreparedRuns) -> Result<Vec<Vec<Tensor>>, RunError> {
        let mut outputs = Vec::with_capacity(runs.runs.len());
        for run in runs.runs {
            outputs.push(match &self.executor {
                NetworkExecutor::Batched(infer) => infer.run(run).await?,
                NetworkExecutor::Direct(network) => network.run(run).await?,
                NetworkExecutor::Decoder(_) => return Err(RunError::failed("a decoder takes prompts, and no tensors")),
            });
        }
        Ok(outputs)
    }

    /// Whether a run of it does not end.
    pub fn is_lost(&self) -> bool {
        match &self.executor {
            NetworkExecutor::Batched(infer) => infer.is_lost(),
            NetworkExecutor::Decoder(generate) => generate.is_lost(),
            NetworkExecutor::Direct(_) => false,
        }
    }

    /// Waits until a run of it does not end.
    pub async fn wait_until_lost(&self) {
        match &self.executor {
            NetworkExecutor::Batched(infer) => infer.lost().await,
            NetworkExecutor::Decoder(generate) => generate.lost().await,
            NetworkExecutor::Direct(_) => std::future::pending().await,
        }
    }

    /// Its queue depth, in rows; in calls if it is a decoder.
    pub fn queue_depth(&self) -> usize {
        match &self.executor {
            NetworkExecutor::Batched(infer) => infer.waiting(),
            NetworkExecutor::Decoder(generate) => generate.waiting(),
            NetworkExecutor::Direct(_) => 0,
        }
    }
}

/// Validated runs of a network.
#[derive(Debug)]
pub struct PreparedRuns {
    runs: Vec<ValidTensors>,
}

impl PreparedRuns {
    /// The rows of all runs together.
    pub fn rows(&self) -> usize {
        self.runs.iter().map(ValidTensors::rows).sum()
    }
}

impl From<ValidTensors> for PreparedRuns {
    fn from(run: ValidTensors) -> Self {
        Self { runs: vec![run] }
    }
}
