//! Networks that run on the calling thread, for trials: no queue, no charges; runs are recorded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amaas_engine::cpu::CpuPermit;
use amaas_engine::infer::{InputContract, RunnableNetwork as RunNetwork, ValidTensors};
use amaas_engine::{RunError, TensorSpec};
use amaas_wire::Tensor;
use async_trait::async_trait;

use crate::error::PredictError;
use crate::task::{
    CallHost, ComputeJob, Cost, CpuWork, DEFAULT_MAX_INPUTS, ModelCall, ModelNetwork, ModelNetworks, NetworkExecutor,
    RunTensors, UsageSoFar,
};

/// A network that runs on the calling thread and records its runs.
pub(crate) struct TrialNetwork<N>(Mutex<TrialState<N>>);

struct TrialState<N> {
    network: Option<N>,
    runs: Vec<RecordedRun>,
}

/// The inputs and outputs of one run.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "publish"), allow(dead_code))] // publishing reads it
pub(crate) struct RecordedRun {
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) outputs: Vec<Tensor>,
}

impl<N: RunNetwork> TrialNetwork<N> {
    pub(crate) fn new(network: N) -> Arc<Self> {
        Arc::new(Self(Mutex::new(TrialState { network: Some(network), runs: Vec::new() })))
    }

    /// Takes the runs that were recorded since the last call.
    #[cfg_attr(not(feature = "publish"), allow(dead_code))] // publishing reads it
    pub(crate) fn take_runs(&self) -> Vec<RecordedRun> {
        std::mem::take(&mut self.lock().runs)
    }

    /// Calls `work` with the network, between two runs.
    pub(crate) fn with_network<T>(&self, work: impl FnOnce(&mut N) -> T) -> Option<T> {
        self.lock().network.as_mut().map(work)
    }

    /// Takes the network; later runs fail.
    pub(crate) fn take(&self) -> Option<N> {
        self.lock().network.take()
    }

    fn lock(&self) -> MutexGuard<'_, TrialState<N>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<N: RunNetwork> RunTensors for TrialNetwork<N> {
    async fn run(&self, inputs: ValidTensors) -> Result<Vec<Tensor>, RunError> {
        let mut state = self.lock();
        let network = state.network.as_mut().ok_or_else(|| RunError::failed("the trial is over"))?;
        let outputs = network.run(inputs.tensors())?;
        state.runs.push(RecordedRun { inputs: inputs.tensors().to_vec(), outputs: outputs.clone() });
        Ok(outputs)
    }
}

/// Wraps `direct` as a [`ModelNetwork`] with its inputs and outputs.
pub(crate) fn network<N: RunNetwork>(
    direct: &Arc<TrialNetwork<N>>,
    takes: InputContract<'_>,
    outputs: &[TensorSpec],
) -> ModelNetwork {
    let executor = NetworkExecutor::Direct(Arc::clone(direct) as Arc<dyn RunTensors>);
    ModelNetwork::new((takes.inputs.to_vec(), outputs.to_vec()), (takes.batching, takes.sharing), executor)
}

/// A call on these networks that is not charged.
pub(crate) fn call(own: ModelNetwork, named: BTreeMap<String, ModelNetwork>) -> ModelCall {
    call_on(Arc::new(ModelNetworks::new(own, named)))
}

/// A call on the networks of a loaded model that is not charged.
pub(crate) fn call_on(networks: Arc<ModelNetworks>) -> ModelCall {
    ModelCall::new(Arc::new(UnchargedHost), networks)
}

/// Charges nothing, and does CPU work on the calling thread.
struct UnchargedHost;

#[async_trait]
impl CallHost for UnchargedHost {
    fn tenant(&self) -> Option<&str> {
        None
    }

    fn max_rows(&self) -> usize {
        DEFAULT_MAX_INPUTS
    }

    fn input_size(&self) -> usize {
        0
    }

    async fn compute(&self, _: CpuWork, job: ComputeJob) -> Result<(), PredictError> {
        job(&CpuPermit::for_process())
    }

    async fn charge(&self, _: Cost) -> Result<(), PredictError> {
        Ok(())
    }

    fn keep_charge(&self, _: Cost) {}

    fn set_usage(&self, _: UsageSoFar) {}
}
