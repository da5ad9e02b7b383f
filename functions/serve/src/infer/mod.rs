//! Queue → batch → run. The only caller of a network's run.
//!
//! One thread owns the network. While it runs, arrivals queue; the next run takes what is there and fits together, up to
//! a bound in rows. There is no timer, so one caller alone never waits. A full queue refuses at once.
//!
//! Invariant: each call that was queued gets exactly one answer, whatever happens to the others of its run.

mod batch;
mod queue;
mod worker;

pub(crate) use self::batch::{join, split};

use std::num::NonZeroUsize;
use std::sync::Arc;

use amaas_wire::Tensor;
use tokio::sync::oneshot;

use self::queue::{Entry, Queue};
use crate::error::Error;
use crate::request::Valid;

/// A network that can be run.
pub(crate) trait Network: Send + 'static {
    /// Runs the network on its inputs, in its order; gives its outputs, in its order.
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError>;
}

/// Why a run gave no outputs.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The values are at fault, and whoever sent them.
    #[error("{internal}")]
    Refused { public: String, internal: String },
    /// We are at fault.
    #[error("{0}")]
    Failed(String),
}

impl From<RunError> for Error {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Refused { public, internal } => Self::Refused { public, internal },
            RunError::Failed(internal) => Self::Internal { internal },
        }
    }
}

/// Runs calls on a network that a thread of its own holds. Dropping it ends the thread when the queue is empty.
pub(crate) struct Infer {
    queue: Arc<Queue>,
}

/// The bounds of a queue and its runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most rows of different calls that share a run.
    pub(crate) batch_rows: NonZeroUsize,
    /// The most rows that wait.
    pub(crate) queue_rows: NonZeroUsize,
}

impl Infer {
    /// Starts the thread that holds `network`; `name` stands in its name.
    pub(crate) fn start(name: &str, network: impl Network, bounds: Bounds) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::new(bounds));
        let worker = Arc::clone(&queue);
        std::thread::Builder::new()
            .name(format!("infer {name}").chars().take(15).collect())
            .spawn(move || worker::work(&worker, network))?;
        Ok(Self { queue })
    }

    /// Runs one call, maybe with others.
    ///
    /// # Errors
    /// [`Error::QueueFull`] at once where no place is left; [`Error::Refused`] where the network refuses the values.
    pub(crate) async fn run(&self, call: Valid) -> Result<Vec<Tensor>, Error> {
        let (reply, answer) = oneshot::channel();
        let permit = self.queue.permit(call.rows()).ok_or(Error::QueueFull)?;
        self.queue.push(Entry { call, reply, permit });
        let answer = answer.await.map_err(|_| Error::internal("the inference thread dropped a call"))?;
        answer.map_err(Error::from)
    }
}

impl Drop for Infer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[cfg(test)]
mod tests;
