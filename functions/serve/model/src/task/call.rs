//! A call from the task's side: CPU work in the tenant's lane, charges, and runs of the model's networks.
//!
//! Invariant: a run needs a [`Charge`] of its own call with as many rows left as it has, and only [`ModelCall::charge`] makes one. So a
//! task cannot run a network without charging the client, however often it runs its networks.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use amaas_engine::cpu::{CpuPermit, MAX_INLINE_BYTES, estimated_json_size};
use amaas_engine::generate::{ContinuousBatcher, EventStream, GenerateCall};
use amaas_wire::Tensor;
use async_trait::async_trait;

use super::networks::{ModelNetwork, ModelNetworks, PreparedRuns};
use super::predictions;
use crate::error::PredictError;

/// The host of a call: a server, which charges tenants, or a trial, which charges nothing.
#[async_trait]
pub trait CallHost: Send + Sync {
    /// The tenant of the call, if calls of one tenant share runs.
    fn tenant(&self) -> Option<&str>;

    /// The maximum number of inputs of the call, and of rows of a run.
    fn max_rows(&self) -> usize;

    /// Bytes of the call's content.
    fn input_size(&self) -> usize;

    /// Runs `job` on the CPU pool, when it is the tenant's turn.
    ///
    /// # Errors
    /// The job's own error; [`PredictError::Refused`] if the queue is full, and then the host has recorded why.
    async fn compute(&self, work: CpuWork, job: ComputeJob) -> Result<(), PredictError>;

    /// Takes `cost` from the caller's limits and budgets. Charges of one call add up.
    ///
    /// # Errors
    /// [`PredictError::Refused`] if one of them is exceeded, and then the host has recorded which.
    async fn charge(&self, cost: Cost) -> Result<(), PredictError>;

    /// Records that a run which `cost` was charged for has completed: it is kept if the call fails later.
    fn keep_charge(&self, cost: Cost);

    /// Sets the usage of the call, which replaces what was charged.
    fn set_usage(&self, usage: UsageSoFar);
}

/// CPU work that stores its own result.
pub type ComputeJob = Box<dyn FnOnce(&CpuPermit) -> Result<(), PredictError> + Send>;

/// The size of CPU work, which decides where it runs.
#[derive(Clone, Copy, Debug)]
pub struct CpuWork {
    /// Bytes that are read or written.
    pub size: usize,
    /// Work on up to this many bytes takes less than 500 µs, and runs without queueing.
    pub quick: usize,
    /// Bytes of memory beyond input and output: memory-intensive jobs wait for one another.
    pub memory: usize,
}

impl CpuWork {
    /// Parsing or writing `size` bytes of JSON.
    pub fn json(size: usize) -> Self {
        Self { size, quick: MAX_INLINE_BYTES, memory: 0 }
    }

    /// Tokenising `size` bytes of text: tokenizers process about 10 MB/s, JSON parsers 200.
    pub fn text(size: usize) -> Self {
        Self { size, quick: MAX_INLINE_BYTES / 20, memory: 0 }
    }

    /// Work that is slow even for a small input, such as decoding an image, with `memory` bytes of working memory.
    pub fn heavy(size: usize, memory: usize) -> Self {
        Self { size, quick: 0, memory }
    }
}

/// The cost that a call is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Rows that the networks run.
    pub rows: usize,
    /// Tokens, if the task counts them; then they are the unit.
    pub tokens: Option<u64>,
}

impl Cost {
    /// The rows of a network that counts rows.
    pub fn rows(rows: usize) -> Self {
        Self { rows, tokens: None }
    }

    /// Rows of a network that counts tokens.
    pub fn tokens(rows: usize, tokens: u64) -> Self {
        Self { rows, tokens: Some(tokens) }
    }
}

/// The usage of a call, which may grow while it runs.
#[derive(Clone, Debug, Default)]
pub struct UsageSoFar {
    /// Rows.
    pub rows: usize,
    /// Tokens that are known before the run.
    pub tokens: Option<u64>,
    /// Tokens that the run generates.
    pub generated: Vec<Arc<AtomicUsize>>,
}

impl UsageSoFar {
    /// The rows and tokens up to now.
    pub fn now(&self) -> Cost {
        let generated: usize = self.generated.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        Cost { rows: self.rows, tokens: self.tokens.map(|tokens| tokens + generated as u64) }
    }
}

impl From<Cost> for UsageSoFar {
    fn from(Cost { rows, tokens }: Cost) -> Self {
        Self { rows, tokens, generated: Vec::new() }
    }
}

/// Proof that a call was charged for a number of rows. Runs of the call use them up.
pub struct Charge {
    host: Arc<dyn CallHost>,
    cost: Cost,
    rows_left: AtomicUsize,
    is_kept: AtomicBool,
}

impl Charge {
    /// Uses `rows` of the charge, for a run of the call of `host`.
    fn spend(&self, host: &Arc<dyn CallHost>, rows: usize) -> Result<(), PredictError> {
        if !Arc::ptr_eq(&self.host, host) {
            return Err(PredictError::internal("a run was paid with the charge of another call"));
        }
        let left = self.rows_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(rows));
        left.map(drop).map_err(|left| {
            let charged = self.cost.rows;
            PredictError::internal(format!("expected a run of at most {left} of {charged} charged rows, got {rows}"))
        })
    }

    /// Keeps the charge after its first run.
    fn keep(&self) {
        if !self.is_kept.swap(true, Ordering::Relaxed) {
            self.host.keep_charge(self.cost);
        }
    }
}

/// A call to a model; cheap to clone.
#[derive(Clone)]
pub struct ModelCall {
    host: Arc<dyn CallHost>,
    networks: Arc<ModelNetworks>,
    /// The approximate size of the outputs so far as JSON, in bytes.
    output_size: Arc<AtomicU64>,
    /// Whether a bad input fails alone.
    partial: bool,
}

impl ModelCall {
    /// A call to the model with `networks`.
    pub fn new(host: Arc<dyn CallHost>, networks: Arc<ModelNetworks>) -> Self {
        Self { host, networks, output_size: Arc::default(), partial: false }
    }

    /// The same call, in which a bad input fails alone if `partial`.
    #[must_use]
    pub(super) fn with_partial(self, partial: bool) -> Self {
        Self { partial, ..self }
    }

    /// Whether the client asked for partial answers, so that an input that is at fault fails alone.
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    /// Returns `inputs` if all are valid or a bad input fails alone: check them before the call is charged.
    ///
    /// # Errors
    /// Otherwise the error of the first invalid input, with its index; or the first error that is not of an input.
    pub fn check_inputs<T>(
        &self,
        inputs: Vec<Result<T, PredictError>>,
    ) -> Result<Vec<Result<T, PredictError>>, PredictError> {
        let fails = |error: &PredictError| !self.partial || !predictions::is_of_input(error);
        match inputs.iter().position(|input| input.as_ref().is_err_and(fails)) {
            None => Ok(inputs),
            Some(index) => {
                let error = inputs.into_iter().nth(index).and_then(Result::err);
                Err(error.unwrap_or(PredictError::Refused).in_entry(predictions::INPUTS, index))
            }
        }
    }

    /// The model's networks.
    pub fn networks(&self) -> &Arc<ModelNetworks> {
        &self.networks
    }

    /// The tenant, if calls of one tenant share runs.
    pub fn tenant(&self) -> Option<&str> {
        self.host.tenant()
    }

    /// The maximum number of inputs of the call, and of rows of a run.
    pub fn max_rows(&self) -> usize {
        self.host.max_rows()
    }

    /// Bytes of the call's content.
    pub fn input_size(&self) -> usize {
        self.host.input_size()
    }

    /// Runs `job`: inline if it is quick, otherwise in the tenant's lane.
    ///
    /// # Errors
    /// The job's own, or [`PredictError::Refused`] if the queue is full.
    pub async fn compute<T, E>(
        &self,
        work: CpuWork,
        job: impl FnOnce(&CpuPermit) -> Result<T, E> + Send + 'static,
    ) -> Result<T, PredictError>
    where
        T: Send + 'static,
        E: Into<PredictError>,
    {
        if work.size <= work.quick {
            return job(&CpuPermit::for_inline_work()).map_err(Into::into);
        }
        let result = Arc::new(Mutex::new(None));
        let to = Arc::clone(&result);
        let job = move |working: &CpuPermit| {
            let done = job(working).map_err(Into::into)?;
            *to.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            Ok(())
        };
        self.host.compute(work, Box::new(job)).await?;
        let done = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        done.ok_or_else(|| PredictError::internal("CPU work was not done"))
    }

    /// Charges the client `cost`, before the runs that it pays for. A call may be charged more than once.
    ///
    /// # Errors
    /// [`PredictError::Refused`] if a limit or a budget is exceeded.
    pub async fn charge(&self, cost: Cost) -> Result<Charge, PredictError> {
        self.host.charge(cost).await?;
        let (host, rows_left) = (Arc::clone(&self.host), AtomicUsize::new(cost.rows));
        Ok(Charge { host, cost, rows_left, is_kept: AtomicBool::new(false) })
    }

    /// Sets the usage of the call.
    pub fn set_usage(&self, usage: UsageSoFar) {
        self.host.set_usage(usage);
    }

    /// Runs `runs` one after the other, so that other calls can run in between, and returns the outputs of each.
    ///
    /// # Errors
    /// [`PredictError::Run`]; [`PredictError::internal`] if `charge` has fewer rows left than `runs`.
    pub async fn run(
        &self,
        charge: &Charge,
        network: &ModelNetwork,
        runs: PreparedRuns,
    ) -> Result<Vec<Vec<Tensor>>, PredictError> {
        charge.spend(&self.host, runs.rows())?;
        let outputs = network.run(runs).await?;
        charge.keep();
        let size: usize = outputs.iter().map(|run| estimated_json_size(run)).fold(0, usize::saturating_add);
        self.output_size.fetch_add(size as u64, Ordering::Relaxed);
        Ok(outputs)
    }

    /// Queues `calls` of the decoder `generate`.
    ///
    /// # Errors
    /// [`PredictError::Run`] if the queue is full; [`PredictError::internal`] if `charge` has fewer rows left than calls.
    pub(super) fn enqueue(
        &self,
        charge: &Charge,
        generate: &ContinuousBatcher,
        calls: Vec<GenerateCall>,
    ) -> Result<Vec<EventStream>, PredictError> {
        charge.spend(&self.host, calls.len())?;
        Ok(generate.enqueue(calls)?)
    }

    /// The approximate size of the outputs so far as JSON, in bytes.
    pub fn output_size(&self) -> usize {
        usize::try_from(self.output_size.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use amaas_engine::infer::ValidTensors;
    use amaas_engine::{Batching, Dim, RunError, RunSharing, TensorSpec};
    use amaas_wire::Datatype;

    use super::*;
    use crate::load::trial_network;
    use crate::task::{NetworkExecutor, RunTensors};

    struct Echo;

    #[async_trait]
    impl RunTensors for Echo {
        async fn run(&self, inputs: ValidTensors) -> Result<Vec<Tensor>, RunError> {
            Ok(inputs.tensors().to_vec())
        }
    }

    fn call() -> ModelCall {
        let input = TensorSpec::new("x", Datatype::Fp32, vec![Dim::Symbol("n".to_owned())]);
        let executor = NetworkExecutor::Direct(Arc::new(Echo));
        let network = ModelNetwork::new((vec![input], vec![]), (Batching::Rows, RunSharing::All), executor);
        trial_network::call(network, BTreeMap::new())
    }

    /// Runs `rows` rows of `call` with `charge`.
    async fn run(call: &ModelCall, charge: &Charge, rows: usize) -> Result<(), String> {
        let x = Tensor::new("x", vec![rows], vec![0_f32; rows]).expect("a tensor");
        let network = call.networks().own();
        let runs = network.prepare(vec![vec![x]], None, call.max_rows()).expect("it fits");
        call.run(charge, network, runs).await.map(drop).map_err(|error| format!("{error:?}"))
    }

    #[tokio::test]
    async fn a_charge_pays_for_its_rows_of_its_own_call() {
        let (call, other) = (call(), call());
        let charge = call.charge(Cost::rows(3)).await.expect("not limited");
        run(&call, &charge, 2).await.expect("two of three rows");
        let refused = run(&call, &charge, 2).await.expect_err("one row is left");
        assert!(refused.contains("expected a run of at most 1 of 3 charged rows, got 2"), "{refused}");
        run(&call, &charge, 1).await.expect("the third row");
        let charge = other.charge(Cost::rows(3)).await.expect("not limited");
        let refused = run(&call, &charge, 1).await.expect_err("the charge of another call");
        assert!(refused.contains("the charge of another call"), "{refused}");
    }
}
