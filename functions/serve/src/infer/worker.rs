//! The thread that owns a network.
//!
//! Invariant: when the thread ends, however it ends, the queue is closed and empty, so that nobody waits for an answer
//! that cannot come.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Weak;
use std::time::Instant;

use amaas_wire::Tensor;
use tokio::sync::oneshot::Sender;

use super::queue::{Entry, Queue};
use super::{Network, RunError, batch};
use crate::request::Valid;

/// Runs what is queued until the queue is closed and empty.
pub(super) fn work(queue: &Queue, mut network: impl Network) {
    let _ended = Ended(queue);
    while let Some(entries) = queue.take() {
        for entry in &entries {
            queue.stats.left_queue(entry.arrived.elapsed());
        }
        run(&mut network, queue, entries.into_iter().map(Begun::from).collect());
    }
}

/// A call that has left the queue, and given its place back.
struct Begun {
    call: Valid,
    reply: Sender<Result<Vec<Tensor>, RunError>>,
    caller: Weak<()>,
}

impl From<Entry> for Begun {
    fn from(Entry { call, reply, place, caller, .. }: Entry) -> Self {
        drop(place);
        Self { call, reply, caller }
    }
}

/// Runs `calls` together. Where that fails each half is run again, so that only the call at fault gets its error.
fn run(network: &mut impl Network, queue: &Queue, mut calls: Vec<Begun>) {
    let Queue { running, stats, .. } = queue;
    // Whoever hung up wants no answer, and gets no run.
    calls.retain(|begun| !begun.reply.is_closed());
    if calls.is_empty() {
        return;
    }
    if let Some(stop) = network.prepare() {
        running.begin(calls.iter().map(|begun| Weak::clone(&begun.caller)).collect(), stop);
    }
    let (count, begun) = (calls.len(), Instant::now());
    if calls.len() == 1 {
        let Begun { call, reply, .. } = calls.remove(0);
        let answer = guarded(|| network.run(call.tensors()));
        running.end();
        if answer.is_ok() {
            stats.ran(count, begun.elapsed());
        }
        let _ = reply.send(answer);
        return;
    }
    let answers = guarded(|| run_joined(network, &calls));
    running.end();
    if let Ok(answers) = answers {
        stats.ran(count, begun.elapsed());
        for (begun, answer) in calls.into_iter().zip(answers) {
            let _ = begun.reply.send(Ok(answer));
        }
        return;
    }
    let second = calls.split_off(calls.len() / 2);
    run(network, queue, calls);
    run(network, queue, second);
}

fn run_joined(network: &mut impl Network, calls: &[Begun]) -> Result<Vec<Vec<Tensor>>, RunError> {
    let tensors: Vec<_> = calls.iter().map(|begun| begun.call.tensors()).collect();
    let rows: Vec<_> = calls.iter().map(|begun| begun.call.rows()).collect();
    let inputs = batch::join(&tensors).map_err(|error| RunError::Failed(error.to_string()))?;
    let outputs = network.run(&inputs)?;
    let apart = batch::split(&outputs, &rows);
    apart.ok_or_else(|| RunError::Failed("an output does not have the rows of all calls".to_owned()))
}

/// A panic ends one run, not the thread that every later call needs.
fn guarded<T>(work: impl FnOnce() -> Result<T, RunError>) -> Result<T, RunError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(RunError::Failed("the run panicked".to_owned())))
}

/// Leaves nobody waiting behind the thread.
struct Ended<'a>(&'a Queue);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
