//! The networks of a model, as a task and the routes run them.

use std::collections::BTreeMap;
use std::sync::Arc;

use amaas_engine::generate::ContinuousBatcher;
use amaas_engine::infer::{DynamicBatcher, InputContract, ValidTensors};
use amaas_engine::{Batching, RunError, RunSharing, TensorSpec};
use amaas_wire::Tensor;
use async_trait::async_trait;

use crate::error::PredictError;

/// The networks of a model.
pub struct Networks {
    own: Network,
    named: BTreeMap<String, Network>,
}

impl Networks {
    /// The model's own network, and those that its task runs beside it.
    pub fn new(own: Network, named: BTreeMap<String, Network>) -> Self {
        Self { own, named }
    }

    /// The model's own network.
    pub fn own(&self) -> &Network {
        &self.own
    }

    /// The network that was published under `name`.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(&self, name: &str) -> Result<&Network, PredictError> {
        self.named.get(name).ok_or_else(|| PredictError::internal(format!("there is no network {name:?}")))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Network> {
        std::iter::once(&self.own).chain(self.named.values())
    }
}

/// One network.
pub struct Network {
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    batching: Batching,
    sharing: RunSharing,
    executor: Executor,
}

/// What runs a network.
#[derive(Clone)]
pub enum Executor {
    /// Tensors to tensors, batched.
    Batched(Arc<DynamicBatcher>),
    /// Prompts to text, with a KV cache.
    Decoder(Arc<ContinuousBatcher>),
    /// Tensors to tensors on the calling thread: a trial.
    Direct(Arc<dyn RunTensors>),
}

/// Runs a network from tensors to tensors.
#[async_trait]
pub trait RunTensors: Send + Sync {
    /// The outputs of one run.
    ///
    /// # Errors
    /// [`RunError`].
    async fn run(&self, inputs: ValidTensors) -> Result<Vec<Tensor>, RunError>;
}

impl Network {
    /// A network with these tensors, run by `executor`.
    pub fn new(
        (inputs, outputs): (Vec<TensorSpec>, Vec<TensorSpec>),
        (batching, sharing): (Batching, RunSharing),
        executor: Executor,
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

    /// Whether the first dimension counts rows, so that several inputs can share a run.
    pub fn has_rows(&self) -> bool {
        self.batching.has_rows()
    }

    /// How its rows are run.
    pub fn batching(&self) -> Batching {
        self.batching
    }

    /// What runs it.
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    /// What runs it from tensors to tensors; `None` for a decoder.
    pub fn infer(&self) -> Option<&Arc<DynamicBatcher>> {
        if let Executor::Batched(infer) = &self.executor { Some(infer) } else { None }
    }

    /// What generates text by it; `None` if it is no decoder.
    pub fn generate(&self) -> Option<&Arc<ContinuousBatcher>> {
        if let Executor::Decoder(generate) = &self.executor { Some(generate) } else { None }
    }

    /// What calls have to send.
    pub fn takes(&self) -> InputContract<'_> {
        InputContract { inputs: &self.inputs, batching: self.batching, sharing: self.sharing }
    }

    /// Checks the tensors of each run against what the network takes.
    ///
    /// # Errors
    /// A fault of the task: it made tensors that the network does not take.
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
                Executor::Batched(infer) => infer.run(run).await?,
                Executor::Direct(network) => network.run(run).await?,
                Executor::Decoder(_) => return Err(RunError::failed("a decoder takes prompts, and no tensors")),
            });
        }
        Ok(outputs)
    }

    /// Whether a run of it does not end.
    pub fn is_lost(&self) -> bool {
        match &self.executor {
            Executor::Batched(infer) => infer.is_lost(),
            Executor::Decoder(generate) => generate.is_lost(),
            Executor::Direct(_) => false,
        }
    }

    /// Done when a run of it does not end.
    pub async fn lost(&self) {
        match &self.executor {
            Executor::Batched(infer) => infer.lost().await,
            Executor::Decoder(generate) => generate.lost().await,
            Executor::Direct(_) => std::future::pending().await,
        }
    }

    /// Rows of calls that wait for it, or calls if it is a decoder.
    pub fn waiting(&self) -> usize {
        match &self.executor {
            Executor::Batched(infer) => infer.waiting(),
            Executor::Decoder(generate) => generate.waiting(),
            Executor::Direct(_) => 0,
        }
    }
}

/// Runs whose tensors a network takes.
#[derive(Debug)]
pub struct PreparedRuns {
    runs: Vec<ValidTensors>,
}

impl PreparedRuns {
    /// Rows of all runs.
    pub fn rows(&self) -> usize {
        self.runs.iter().map(ValidTensors::rows).sum()
    }
}

impl From<ValidTensors> for PreparedRuns {
    fn from(run: ValidTensors) -> Self {
        Self { runs: vec![run] }
    }
}
