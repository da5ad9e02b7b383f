//! The thread that runs what is queued, and the runs of calls that need not wait for it.
//!
//! Invariant: when the thread ends, however it ends, the queue is closed and empty, so that nobody waits for an answer
//! that cannot come.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Weak;
use std::time::{Duration, Instant};

use amaas_wire::Tensor;
use tokio::sync::oneshot::Sender;

use super::Valid;
use super::pace::Size;
use super::queue::{Batch, Entry, Joins, Queue, Waits};
use super::{Network, RunError, batch};

/// Runs what is queued until the queue is closed and empty.
pub(super) fn work(queue: &Queue) {
    let _ended = Ended(queue);
    while let Some(Batch { mut network, entries, bound }) = queue.take() {
        for entry in &entries {
            queue.stats.left_queue(entry.arrived.elapsed());
        }
        run(&mut *network, queue, entries.into_iter().map(Begun::from).collect(), bound);
        queue.returned(network);
    }
}

/// Runs a call where it came in, if it is its turn: nobody waits, the network is free, and the run is expected to be over before
/// another thread had begun it. `None` where it has to be queued.
///
/// Such a run is not ended when its caller goes: nobody can go before it is over.
pub(super) fn run_here(queue: &Queue, size: Size, call: &Valid) -> Option<Result<Vec<Tensor>, RunError>> {
    let mut network = queue.turn(size)?;
    queue.stats.left_queue(Duration::ZERO);
    let begun = Instant::now();
    let answer = guarded(|| network.run(call.tensors()));
    let took = answer.is_ok().then(|| begun.elapsed());
    queue.back(network, size, took);
    if let Some(took) = took {
        queue.stats.ran(1, took);
    }
    Some(answer)
}

/// A call that has left the queue, and given its place back.
struct Begun {
    call: Valid,
    size: Size,
    reply: Sender<Result<Vec<Tensor>, RunError>>,
    arrived: Instant,
    caller: Weak<Waits>,
}

impl From<Entry> for Begun {
    fn from(Entry { call, size, reply, place, arrived, caller, .. }: Entry) -> Self {
        drop(place);
        Self { call, size, reply, arrived, caller }
    }
}

impl Begun {
    /// The call as it is queued again, to run alone.
    fn again(self) -> Entry {
        let Self { call, size, reply, arrived, caller } = self;
        if let Some(caller) = caller.upgrade() {
            caller.waits();
        }
        Entry { call, size, reply, place: None, arrived, caller, joins: Joins::Nobody }
    }
}

/// Runs `calls` together, which were to have at most `bound` rows. Where that fails each half is run again, so that only the call
/// at fault gets its error; where it fails late, each call goes back to the queue and is run alone, so that no call is run more than
/// twice for long, whatever those beside it ask for.
fn run(network: &mut dyn Network, queue: &Queue, mut calls: Vec<Begun>, bound: usize) {
    let Queue { running, stats, .. } = queue;
    // Whoever hung up wants no answer, and gets no run.
    calls.retain(|begun| !begun.reply.is_closed());
    let Some(first) = calls.first() else { return };
    let size = first.size.of_rows(calls.iter().map(|begun| begun.size.rows).sum());
    let count = calls.len();
    calls.iter().filter_map(|begun| begun.caller.upgrade()).for_each(|caller| caller.runs(count));
    if let Some(stop) = network.prepare() {
        running.begin(calls.iter().map(|begun| Weak::clone(&begun.caller)).collect(), stop);
    }
    let begun = Instant::now();
    let ended = |size: Size, took: Duration| {
        stats.ran(count, took);
        queue.ran(size, bound, took);
    };
    if count == 1 {
        let Begun { call, size, reply, .. } = calls.remove(0);
        let answer = guarded(|| network.run(call.tensors()));
        running.end();
        if answer.is_ok() {
            ended(size, begun.elapsed());
        }
        let _ = reply.send(answer);
        return;
    }
    let answers = guarded(|| run_joined(network, &calls));
    running.end();
    match answers {
        Ok(answers) => {
            ended(size, begun.elapsed());
            for (begun, answer) in calls.into_iter().zip(answers) {
                let _ = begun.reply.send(Ok(answer));
            }
        }
        Err(error) if matches!(error, RunError::TooLong { .. }) || begun.elapsed() > HALVED => {
            queue.push_again(calls.into_iter().map(Begun::again));
        }
        Err(_) => {
            let second = calls.split_off(calls.len() / 2);
            run(network, queue, calls, bound);
            run(network, queue, second, bound);
        }
    }
}

fn run_joined(network: &mut dyn Network, calls: &[Begun]) -> Result<Vec<Vec<Tensor>>, RunError> {
    let tensors: Vec<_> = calls.iter().map(|begun| begun.call.tensors()).collect();
    let rows: Vec<_> = calls.iter().map(|begun| begun.call.rows()).collect();
    let inputs = batch::join(&tensors).map_err(|error| RunError::failed(error.to_string()))?;
    let outputs = network.run(&inputs)?;
    let apart = batch::split(&outputs, &rows);
    apart.ok_or_else(|| RunError::failed("an output does not have the rows of all calls".to_owned()))
}

/// A panic ends one run, not the thread that every later call needs.
fn guarded<T>(work: impl FnOnce() -> Result<T, RunError>) -> Result<T, RunError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(RunError::failed("the run panicked".to_owned())))
}

/// How long a run may take that is halved where it fails: the halves, and theirs, take six times as long at worst.
const HALVED: Duration = Duration::from_millis(250);

/// Leaves nobody waiting behind the thread.
struct Ended<'a>(&'a Queue);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
