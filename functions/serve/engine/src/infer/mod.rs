//! Dynamic batching: queue → batch → run. The only module that runs a network for calls.
//!
//! Each network has a thread. While it runs, calls queue. The next run takes the queued calls that fit together, up to
//! the adaptive batch size (`batch_size`). There is no batching timer, so a single caller never waits. A full queue
//! refuses a call at once: it is bounded in rows and in bytes, and a call that is cancelled frees its permit at once.
//!
//! If calls come one at a time, a call runs inline on its caller's thread when a thread hand-over would cost more than
//! the run. The queue holds the idle network, and the thread that takes it out runs it.
//!
//! Invariant: each queued call gets exactly one answer, whatever happens to the other calls of its run.
//!
//! A run has a deadline (`watchdog`), and is stopped when all its callers are gone. A run that ignores the stop
//! request, because one operator takes too long, keeps the thread and the network: the network is *lost*. Its waiting
//! calls get an error, and the model is loaded again (`load/model_slot.rs` of `amaas-model`).

mod active_run;
mod batch;
mod batch_size;
mod dim_sizes;
mod queue;
mod stats;
mod synthetic_inputs;
mod valid_tensors;
mod watchdog;
mod worker;

pub use self::active_run::{LostFlag, StopRun};
pub use self::batch::{join, split};
pub use self::synthetic_inputs::{IntegerRange, SyntheticValues, synthetic_inputs, synthetic_inputs_like};
pub use self::valid_tensors::{InputContract, ValidTensors, ValidationError};
pub use self::watchdog::{RunDeadline, set_host_deadline, stuck_runs};

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amaas_wire::Tensor;
use amaas_wire::oip::triton::ModelStatistics;
use tokio::sync::oneshot::{self, Receiver};

use self::batch_size::CallSize;
use self::queue::{CallState, InferQueue, JoinPolicy, QueueClosed, QueuedCall};
use crate::error::RunError;

/// A network that can be run.
pub trait RunnableNetwork: Send + 'static {
    /// A handle that stops the next run, if the network can be stopped.
    fn stop_handle(&mut self) -> Option<Arc<dyn StopRun>> {
        None
    }

    /// Whether a run costs the same on any thread.
    fn is_thread_independent(&self) -> bool {
        true
    }

    /// The flag that is set if a run of the network does not end.
    fn lost(&self) -> LostFlag {
        LostFlag::default()
    }

    /// Runs the network. Inputs and outputs are in the network's order.
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError>;
}

/// Batches calls and runs them on the network's own thread. When it is dropped, the thread ends once the queue is
/// empty.
pub struct DynamicBatcher {
    queue: Arc<InferQueue>,
}

/// The bounds of an inference queue and its runs.
#[derive(Clone, Copy, Debug)]
pub struct QueueBounds {
    /// The largest number of rows of different calls in one run.
    pub batch_rows: NonZeroUsize,
    /// The largest number of queued rows.
    pub queue_rows: NonZeroUsize,
}

impl DynamicBatcher {
    /// Starts the thread of `network`. The thread's name contains `name`.
    pub fn start(name: &str, network: impl RunnableNetwork, bounds: QueueBounds) -> std::io::Result<Self> {
        let queue = Arc::new(InferQueue::new(Box::new(network), bounds, QUEUE_BYTES));
        let worker = Arc::clone(&queue);
        std::thread::Builder::new()
            .name(format!("infer {name}").chars().take(15).collect())
            .spawn(move || worker::work(&worker))?;
        Ok(Self { queue })
    }

    /// Fails if the queue is full for any call. A call that passes may still be refused later.
    ///
    /// # Errors
    /// [`RunError::QueueFull`] if the queue is full.
    pub fn check_capacity(&self) -> Result<(), RunError> {
        if !self.queue.is_full() {
            return Ok(());
        }
        self.queue.stats.record_end(false, 0, Duration::ZERO);
        Err(RunError::QueueFull)
    }

    /// Runs one call, possibly in a batch with other calls.
    ///
    /// # Errors
    /// [`RunError::QueueFull`] at once if the queue is full; [`RunError::Refused`] if the network refuses the values.
    pub async fn run(&self, call: ValidTensors) -> Result<Vec<Tensor>, RunError> {
        let (rows, arrived) = (call.rows(), Instant::now());
        let size = CallSize::of(&call);
        let inline = if self.queue.lost.is_lost() { None } else { worker::run_inline(&self.queue, size, &call) };
        let answer = match inline {
            Some(answer) => answer,
            None => self.enqueue(call, size, arrived).await,
        };
        self.queue.stats.record_end(answer.is_ok(), rows, arrived.elapsed());
        answer
    }

    /// The number of queued rows.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// The statistics of all calls so far, under the given `name` and `version`.
    pub fn statistics(&self, name: String, version: String) -> ModelStatistics {
        self.queue.stats.statistics(name, version)
    }

    async fn enqueue(&self, call: ValidTensors, size: CallSize, arrived: Instant) -> Result<Vec<Tensor>, RunError> {
        let (reply, answer) = oneshot::channel();
        let permit = Some(self.queue.try_reserve(&call).ok_or(RunError::QueueFull)?);
        let state = Arc::new(CallState::default());
        let (caller, joins) = (Arc::downgrade(&state), JoinPolicy::Any);
        let pushed = self.queue.push(QueuedCall { call, size, reply, permit, arrived, caller, joins });
        pushed.map_err(|QueueClosed| RunError::failed("the inference thread has ended"))?;
        let mut queued = PendingAnswer { queue: &self.queue, answer, state: Some(state) };
        let answer = tokio::select! {
            biased;
            answer = &mut queued.answer => answer.map_err(|_| RunError::failed("the inference thread dropped a call"))?,
            () = self.queue.lost.lost() => Err(queued.lost()),
        };
        answer
    }

    /// Whether the network is lost: a run of it does not end.
    pub fn is_lost(&self) -> bool {
        self.queue.lost.is_lost()
    }

    /// Completes when the network is lost.
    pub async fn lost(&self) {
        self.queue.lost.lost().await;
    }
}

impl Drop for DynamicBatcher {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// A call that waits for its answer. If it is dropped, it leaves the queue at once and its permit is free for a retry.
/// A run that had this call alone is stopped.
struct PendingAnswer<'a> {
    queue: &'a InferQueue,
    answer: Receiver<Result<Vec<Tensor>, RunError>>,
    state: Option<Arc<CallState>>,
}

impl PendingAnswer<'_> {
    /// The error of a call whose network was lost: `TooLong` if the stuck run has this call alone.
    fn lost(&self) -> RunError {
        let alone = self.state.as_ref().is_some_and(|state| state.runs_alone());
        if alone { RunError::TooLong { limit: None } } else { RunError::Lost }
    }
}

impl Drop for PendingAnswer<'_> {
    fn drop(&mut self) {
        if !self.answer.is_terminated() {
            self.answer.close();
            self.state = None;
            self.queue.drop_cancelled();
        }
    }
}

/// The largest number of queued tensor bytes. A bound on rows alone is not enough: a row can be as large as a body, and
/// eight times as large with 64-bit integers from single digits.
const QUEUE_BYTES: usize = 256 << 20;

#[cfg(test)]
mod tests;
