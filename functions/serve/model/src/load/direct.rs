//! Networks on the calling thread, for trials: nothing is queued or charged, and runs are recorded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amaas_engine::cpu::CpuPermit;
use amaas_engine::infer::{InputContract, RunnableNetwork, ValidTensors};
use amaas_engine::{RunError, TensorSpec};
use amaas_wire::Tensor;
use async_trait::async_trait;

use crate::error::PredictError;
use crate::task::{
    CallHost, Cost, DEFAULT_MAX_INPUTS, Executor, Job, ModelCall, Network, Networks, RunTensors, UsageSoFar, Work,
};

/// A network that a trial runs.
pub(crate) struct Direct<N>(Mutex<State<N>>);

struct State<N> {
    network: Option<N>,
    runs: Vec<RecordedRun>,
}

/// A run of a trial.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "publish"), allow(dead_code))] // publishing reads it
pub(crate) struct RecordedRun {
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) outputs: Vec<Tensor>,
}

impl<N: RunnableNetwork> Direct<N> {
    pub(crate) fn new(network: N) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { network: Some(network), runs: Vec::new() })))
    }

    /// The runs since the last time.
    #[cfg_attr(not(feature = "publish"), allow(dead_code))] // publishing reads it
    pub(crate) fn take_runs(&self) -> Vec<RecordedRun> {
        std::mem::take(&mut self.lock().runs)
    }

    /// Does something with the network between two runs.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut N) -> T) -> Option<T> {
        self.lock().network.as_mut().map(work)
    }

    /// The network itself; a run after that fails.
    pub(crate) fn take(&self) -> Option<N> {
        self.lock().network.take()
    }

    fn lock(&self) -> MutexGuard<'_, State<N>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<N: RunnableNetwork> RunTensors for Direct<N> {
    async fn run(&self, inputs: ValidTensors) -> Result<Vec<Tensor>, RunError> {
        let mut state = self.lock();
        let network = state.network.as_mut().ok_or_else(|| RunError::failed("the trial is over"))?;
        let outputs = network.run(inputs.tensors())?;
        state.runs.push(RecordedRun { inputs: inputs.tensors().to_vec(), outputs: outputs.clone() });
        Ok(outputs)
    }
}

/// A network of a trial, with what it takes and gives.
pub(crate) fn network<N: RunnableNetwork>(
    direct: &Arc<Direct<N>>,
    takes: InputContract<'_>,
    outputs: &[TensorSpec],
) -> Network {
    let executor = Executor::Direct(Arc::clone(direct) as Arc<dyn RunTensors>);
    Network::new((takes.inputs.to_vec(), outputs.to_vec()), (takes.batching, takes.sharing), executor)
}

/// A call of a trial, on these networks.
pub(crate) fn call(own: Network, named: BTreeMap<String, Network>) -> ModelCall {
    call_on(Arc::new(Networks::new(own, named)))
}

/// A call that is charged to nobody, on the networks of a loaded model.
pub(crate) fn call_on(networks: Arc<Networks>) -> ModelCall {
    ModelCall::new(Arc::new(FreeHost), networks)
}

/// Charges nothing, and does CPU work at once.
struct FreeHost;

#[async_trait]
impl CallHost for FreeHost {
    fn tenant(&self) -> Option<&str> {
        None
    }

    fn max_rows(&self) -> usize {
        DEFAULT_MAX_INPUTS
    }

    fn input_size(&self) -> usize {
        0
    }

    async fn compute(&self, _: Work, job: Job) -> Result<(), PredictError> {
        job(&CpuPermit::for_process())
    }

    async fn charge(&self, _: Cost) -> Result<(), PredictError> {
        Ok(())
    }

    fn uses(&self, _: UsageSoFar) {}
}
