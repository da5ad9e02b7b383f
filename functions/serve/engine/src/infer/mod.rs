//! Queue → batch → run. The only caller of a network's run.
//!
//! A network has a thread. While it runs, arrivals queue; the next run takes what is there and fits together, up to as many rows as
//! were found to be best (`pace`), and to a bound. There is no timer, so one caller alone never waits. A full queue refuses at once:
//! it is bounded in rows and in bytes, and who hangs up frees the place at once.
//!
//! Where calls come one at a time, one whose run takes little more than handing it to a thread and back is run where it came in: the
//! network lies in the queue, and whoever takes it out runs it.
//!
//! Invariant: each call that was queued gets exactly one answer, whatever happens to the others of its run.
//!
//! A run has a deadline (`watchdog`), and ends when nobody waits for it any more. One that does not end although it was asked to, since
//! one operator of it takes so long, takes the thread and the network with it: the model is *lost*, those who wait hear so, and it
//! is loaded again (`load/slot.rs`).

mod batch;
mod made_up;
mod pace;
mod queue;
mod running;
mod sizes;
mod stats;
mod valid;
mod watchdog;
mod worker;

pub use self::batch::{join, split};
pub use self::made_up::{Integers, Values, made_up, made_up_like};
pub use self::running::{Lost, Stop};
pub use self::valid::{Takes, Valid, ValidationError};
pub use self::watchdog::{Deadline, host_ends, stuck};

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amaas_wire::Tensor;
use amaas_wire::oip::triton::ModelStatistics;
use tokio::sync::oneshot::{self, Receiver};

use self::pace::Size;
use self::queue::{Closed, Entry, Joins, Queue, Waits};
use crate::error::RunError;

/// A network that can be run.
pub trait Network: Send + 'static {
    /// What ends the next run, where the network has something that does.
    fn prepare(&mut self) -> Option<Arc<dyn Stop>> {
        None
    }

    /// Whether a run costs the same on any thread.
    fn runs_anywhere(&self) -> bool {
        true
    }

    /// Whether the network was given up, since a run of it does not end.
    fn lost(&self) -> Lost {
        Lost::default()
    }

    /// Runs the network on its inputs, in its order; gives its outputs, in its order.
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError>;
}

/// Runs calls on a network that has a thread of its own. Dropping it ends the thread when the queue is empty.
pub struct Infer {
    queue: Arc<Queue>,
}

/// The bounds of a queue and its runs.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most rows of different calls that share a run.
    pub batch_rows: NonZeroUsize,
    /// The most rows that wait.
    pub queue_rows: NonZeroUsize,
}

impl Infer {
    /// Starts the thread of `network`; `name` stands in its name.
    pub fn start(name: &str, network: impl Network, bounds: Bounds) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::new(Box::new(network), bounds, QUEUE_BYTES));
        let worker = Arc::clone(&queue);
        std::thread::Builder::new()
            .name(format!("infer {name}").chars().take(15).collect())
            .spawn(move || worker::work(&worker))?;
        Ok(Self { queue })
    }

    /// Refuses a call that would be refused now, whatever it is. One that is not may yet be.
    ///
    /// # Errors
    /// [`RunError::QueueFull`] where no place is left.
    pub fn room(&self) -> Result<(), RunError> {
        if !self.queue.is_full() {
            return Ok(());
        }
        self.queue.stats.ended(false, 0, Duration::ZERO);
        Err(RunError::QueueFull)
    }

    /// Runs one call, maybe with others.
    ///
    /// # Errors
    /// [`RunError::QueueFull`] at once where no place is left; [`RunError::Refused`] where the network refuses the values.
    pub async fn run(&self, call: Valid) -> Result<Vec<Tensor>, RunError> {
        let (rows, arrived) = (call.rows(), Instant::now());
        let size = Size::of(&call);
        let here = if self.queue.lost.is_lost() { None } else { worker::run_here(&self.queue, size, &call) };
        let answer = match here {
            Some(answer) => answer,
            None => self.queued(call, size, arrived).await,
        };
        self.queue.stats.ended(answer.is_ok(), rows, arrived.elapsed());
        answer
    }

    /// Rows of calls that wait for a run.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// What happened to calls so far, under the name `name` and the version `version`.
    pub fn statistics(&self, name: String, version: String) -> ModelStatistics {
        self.queue.stats.statistics(name, version)
    }

    async fn queued(&self, call: Valid, size: Size, arrived: Instant) -> Result<Vec<Tensor>, RunError> {
        let (reply, answer) = oneshot::channel();
        let place = Some(self.queue.place(&call).ok_or(RunError::QueueFull)?);
        let waits = Arc::new(Waits::default());
        let (caller, joins) = (Arc::downgrade(&waits), Joins::Others);
        let pushed = self.queue.push(Entry { call, size, reply, place, arrived, caller, joins });
        pushed.map_err(|Closed| RunError::failed("the inference thread has ended"))?;
        let mut queued = Queued { queue: &self.queue, answer, waits: Some(waits) };
        let answer = tokio::select! {
            biased;
            answer = &mut queued.answer => answer.map_err(|_| RunError::failed("the inference thread dropped a call"))?,
            () = self.queue.lost.lost() => Err(queued.lost()),
        };
        answer
    }

    /// Whether a run of the network does not end.
    pub fn is_lost(&self) -> bool {
        self.queue.lost.is_lost()
    }

    /// Done when a run of the network does not end.
    pub async fn lost(&self) {
        self.queue.lost.lost().await;
    }
}

impl Drop for Infer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// A call that waits for its answer. Whoever hangs up leaves the queue at once, and a retry finds the place free; a run
/// that was theirs alone is ended.
struct Queued<'a> {
    queue: &'a Queue,
    answer: Receiver<Result<Vec<Tensor>, RunError>>,
    waits: Option<Arc<Waits>>,
}

impl Queued<'_> {
    /// Why there is no answer, where the run under way does not end: the call's own fault if it has that run for itself.
    fn lost(&self) -> RunError {
        let alone = self.waits.as_ref().is_some_and(|waits| waits.runs_alone());
        if alone { RunError::TooLong { limit: None } } else { RunError::Lost }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        if !self.answer.is_terminated() {
            self.answer.close();
            self.waits = None;
            self.queue.forget_gone();
        }
    }
}

/// The most bytes of tensors that wait. A row can have as many bytes as a body, and eight times as many once each digit
/// is an integer of 64 bits, so the bound in rows alone bounds little.
const QUEUE_BYTES: usize = 256 << 20;

#[cfg(test)]
mod tests;
