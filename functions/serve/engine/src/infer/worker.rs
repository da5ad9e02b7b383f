//! The worker thread that runs queued calls, and inline runs on the caller's thread.
//!
//! Invariant: when the thread ends, for whatever reason, the queue is closed and empty, so that no caller waits for an
//! answer that cannot come.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Weak;
use std::time::{Duration, Instant};

use amaas_wire::Tensor;
use tokio::sync::oneshot::Sender;

use super::ValidTensors;
use super::batch_size::CallSize;
use super::queue::{CallBatch, CallState, InferQueue, JoinPolicy, QueuedCall};
use super::{RunError, RunnableNetwork, batch};

/// Runs queued calls until the queue is closed and empty.
pub(super) fn work(queue: &InferQueue) {
    let _abandon_on_exit = AbandonOnExit(queue);
    while let Some(CallBatch { mut network, entries, bound }) = queue.take() {
        for entry in &entries {
            queue.stats.record_dequeue(entry.arrived.elapsed());
        }
        run(&mut *network, queue, entries.into_iter().map(DequeuedCall::from).collect(), bound);
        queue.put_back(network);
    }
}

/// Runs a call inline on its caller's thread, if no call is queued, the network is idle, and the run is expected to be
/// short. `None` if the call has to be queued.
///
/// An inline run is not stopped when its caller is gone: the caller's task cannot be dropped before the run ends.
pub(super) fn run_inline(
    queue: &InferQueue,
    size: CallSize,
    call: &ValidTensors,
) -> Option<Result<Vec<Tensor>, RunError>> {
    let mut network = queue.try_take_for_inline_run(size)?;
    queue.stats.record_dequeue(Duration::ZERO);
    let begun = Instant::now();
    let answer = catch_panic(|| network.run(call.tensors()));
    let took = answer.is_ok().then(|| begun.elapsed());
    queue.return_after_inline_run(network, size, took);
    if let Some(took) = took {
        queue.stats.record_run(1, took);
    }
    Some(answer)
}

/// A call that has left the queue and released its permit.
struct DequeuedCall {
    call: ValidTensors,
    size: CallSize,
    reply: Sender<Result<Vec<Tensor>, RunError>>,
    arrived: Instant,
    caller: Weak<CallState>,
}

impl From<QueuedCall> for DequeuedCall {
    fn from(QueuedCall { call, size, reply, permit, arrived, caller, .. }: QueuedCall) -> Self {
        drop(permit);
        Self { call, size, reply, arrived, caller }
    }
}

impl DequeuedCall {
    /// The call as a queue entry that runs alone.
    fn into_requeued(self) -> QueuedCall {
        let Self { call, size, reply, arrived, caller } = self;
        if let Some(caller) = caller.upgrade() {
            caller.set_queued();
        }
        QueuedCall { call, size, reply, permit: None, arrived, caller, joins: JoinPolicy::Never }
    }
}

/// Runs `calls` as one batch with the limit `bound`. If the run fails early, each half is run again, so that only the
/// call at fault gets an error. If it fails late, each call is queued again to run alone, so that no call takes part in
/// more than two long runs.
fn run(network: &mut dyn RunnableNetwork, queue: &InferQueue, mut calls: Vec<DequeuedCall>, bound: usize) {
    let InferQueue { running, stats, .. } = queue;
    // Cancelled calls do not run.
    calls.retain(|begun| !begun.reply.is_closed());
    let Some(first) = calls.first() else { return };
    let size = first.size.of_rows(calls.iter().map(|begun| begun.size.rows).sum());
    let count = calls.len();
    calls.iter().filter_map(|begun| begun.caller.upgrade()).for_each(|caller| caller.set_running(count));
    if let Some(stop) = network.stop_handle() {
        running.begin(calls.iter().map(|begun| Weak::clone(&begun.caller)).collect(), stop);
    }
    let begun = Instant::now();
    let ended = |size: CallSize, took: Duration| {
        stats.record_run(count, took);
        queue.record_run(size, bound, took);
    };
    if count == 1 {
        let DequeuedCall { call, size, reply, .. } = calls.remove(0);
        let answer = catch_panic(|| network.run(call.tensors()));
        running.end();
        if answer.is_ok() {
            ended(size, begun.elapsed());
        }
        let _ = reply.send(answer);
        return;
    }
    let answers = catch_panic(|| run_joined(network, &calls));
    running.end();
    match answers {
        Ok(answers) => {
            ended(size, begun.elapsed());
            for (begun, answer) in calls.into_iter().zip(answers) {
                let _ = begun.reply.send(Ok(answer));
            }
        }
        Err(error) if matches!(error, RunError::TooLong { .. }) || begun.elapsed() > MAX_HALVED_RUN_TIME => {
            queue.requeue(calls.into_iter().map(DequeuedCall::into_requeued));
        }
        Err(_) => {
            let second = calls.split_off(calls.len() / 2);
            run(network, queue, calls, bound);
            run(network, queue, second, bound);
        }
    }
}

fn run_joined(network: &mut dyn RunnableNetwork, calls: &[DequeuedCall]) -> Result<Vec<Vec<Tensor>>, RunError> {
    let tensors: Vec<_> = calls.iter().map(|begun| begun.call.tensors()).collect();
    let rows: Vec<_> = calls.iter().map(|begun| begun.call.rows()).collect();
    let inputs = batch::join(&tensors).map_err(|error| RunError::failed(error.to_string()))?;
    let outputs = network.run(&inputs)?;
    let apart = batch::split(&outputs, &rows);
    apart.ok_or_else(|| RunError::failed("an output does not have the rows of all calls".to_owned()))
}

/// Turns a panic into an error of one run, so that the worker thread lives on.
fn catch_panic<T>(work: impl FnOnce() -> Result<T, RunError>) -> Result<T, RunError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(RunError::failed("the run panicked".to_owned())))
}

/// The longest failed run that is repeated in halves: the halves and their halves take six times as long at worst.
const MAX_HALVED_RUN_TIME: Duration = Duration::from_millis(250);

/// Abandons the queue when the thread ends.
struct AbandonOnExit<'a>(&'a InferQueue);

impl Drop for AbandonOnExit<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
