//! A call as a task sees it: CPU work in the tenant's lane, charges, and runs of the model's networks.
//!
//! Invariant: a network runs for a [`Charge`] only, and [`ModelCall::charge`] is the only way to one. So no task can run what its
//! caller was not charged for, however often it runs its networks.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use amaas_engine::cpu::{CpuPermit, MAX_INLINE_BYTES, estimated_json_size};
use amaas_wire::Tensor;
use async_trait::async_trait;

use super::networks::{Network, Networks, PreparedRuns};
use crate::error::PredictError;

/// What runs calls: a server, which charges tenants, or a trial, which charges nothing.
#[async_trait]
pub trait CallHost: Send + Sync {
    /// The tenant whose call it is, if calls of one tenant share runs.
    fn tenant(&self) -> Option<&str>;

    /// The most inputs of the call, and rows of a run.
    fn max_rows(&self) -> usize;

    /// Bytes of the call's content.
    fn input_size(&self) -> usize;

    /// Does `job` off the runtime, when it is its turn.
    ///
    /// # Errors
    /// The job's own error; [`PredictError::Refused`] if there is no room for it, and then the host knows why.
    async fn compute(&self, work: Work, job: Job) -> Result<(), PredictError>;

    /// Takes `cost` from the caller's limits and budgets.
    ///
    /// # Errors
    /// [`PredictError::Refused`] if one of them refuses, and then the host knows which.
    async fn charge(&self, cost: Cost) -> Result<(), PredictError>;

    /// The call has used this much from now on, whatever was charged.
    fn uses(&self, usage: UsageSoFar);
}

/// CPU work whose result is elsewhere.
pub type Job = Box<dyn FnOnce(&CpuPermit) -> Result<(), PredictError> + Send>;

/// How much CPU work is.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Bytes that are read or written.
    pub size: usize,
    /// Up to so many bytes take less than 500 µs, so that they need no turn.
    pub quick: usize,
    /// Bytes of memory beyond what is read and written: work that takes much waits for its like.
    pub memory: usize,
}

impl Work {
    /// Reads or writes `size` bytes of JSON.
    pub fn json(size: usize) -> Self {
        Self { size, quick: MAX_INLINE_BYTES, memory: 0 }
    }

    /// Tokenises `size` bytes of text: tokenisers read some 10 MB/s, and JSON is read at 200.
    pub fn text(size: usize) -> Self {
        Self { size, quick: MAX_INLINE_BYTES / 20, memory: 0 }
    }

    /// Work that takes long however small its input is, such as decoding an image, and `memory` bytes meanwhile.
    pub fn heavy(size: usize, memory: usize) -> Self {
        Self { size, quick: 0, memory }
    }
}

/// What a call is charged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Rows that the networks run.
    pub rows: usize,
    /// Tokens, if the task counts them: then they are the unit.
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

/// What a call has used, which may grow while it runs.
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
    /// Rows and tokens by now.
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

/// The proof that a call was charged.
#[derive(Debug)]
pub struct Charge(());

/// A call to a model; cheap to clone.
#[derive(Clone)]
pub struct ModelCall {
    host: Arc<dyn CallHost>,
    networks: Arc<Networks>,
    /// Bytes of JSON that the outputs so far become, roughly.
    output_size: Arc<AtomicU64>,
}

impl ModelCall {
    /// A call to the model with `networks`.
    pub fn new(host: Arc<dyn CallHost>, networks: Arc<Networks>) -> Self {
        Self { host, networks, output_size: Arc::default() }
    }

    /// The model's networks.
    pub fn networks(&self) -> &Arc<Networks> {
        &self.networks
    }

    /// The tenant, if calls of one tenant share runs.
    pub fn tenant(&self) -> Option<&str> {
        self.host.tenant()
    }

    /// The most inputs of the call, and rows of a run.
    pub fn max_rows(&self) -> usize {
        self.host.max_rows()
    }

    /// Bytes of the call's content.
    pub fn input_size(&self) -> usize {
        self.host.input_size()
    }

    /// Does `job`: here if it is quick, and in the tenant's lane if it is not.
    ///
    /// # Errors
    /// The job's own, or [`PredictError::Refused`] if there is no room for it.
    pub async fn compute<T, E>(
        &self,
        work: Work,
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

    /// Charges the caller for `cost`, before anything of it runs. A call may be charged more than once.
    ///
    /// # Errors
    /// [`PredictError::Refused`] if a limit or a budget refuses.
    pub async fn charge(&self, cost: Cost) -> Result<Charge, PredictError> {
        self.host.charge(cost).await?;
        Ok(Charge(()))
    }

    /// The call has used this much from now on.
    pub fn uses(&self, usage: UsageSoFar) {
        self.host.uses(usage);
    }

    /// Runs `runs` one after the other, so that other calls get their turn in between: the outputs of each.
    ///
    /// # Errors
    /// [`PredictError::Run`].
    pub async fn run(
        &self,
        _charge: &Charge,
        network: &Network,
        runs: PreparedRuns,
    ) -> Result<Vec<Vec<Tensor>>, PredictError> {
        let outputs = network.run(runs).await?;
        let size: usize = outputs.iter().map(|run| estimated_json_size(run)).fold(0, usize::saturating_add);
        self.output_size.fetch_add(size as u64, Ordering::Relaxed);
        Ok(outputs)
    }

    /// Bytes of JSON that the outputs so far become, roughly.
    pub fn output_size(&self) -> usize {
        usize::try_from(self.output_size.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }
}
