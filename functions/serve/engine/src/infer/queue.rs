//! The queue of calls that wait for a run, and the idle network.
//!
//! Invariant: the queue holds no more rows and bytes than its bounds. Each queued call holds a permit, and a cancelled
//! call is dropped at once. Calls of a run that failed late are queued again, one by one, beyond the bounds.
//!
//! Invariant: a thread that runs the network has taken it from here, so there is one run at a time. A caller takes it
//! only if no call is queued. If calls are queued when it returns the network, it wakes the worker thread.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use amaas_wire::Tensor;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::ValidTensors;
use super::active_run::{ActiveRun, LostFlag};
use super::batch_size::{AdaptiveBatchSize, CallSize};
use super::stats::CallStats;
use super::{QueueBounds, RunError, RunnableNetwork};

/// A queued call and the channel for its answer.
pub(super) struct QueuedCall {
    pub(super) call: ValidTensors,
    pub(super) size: CallSize,
    pub(super) reply: oneshot::Sender<Result<Vec<Tensor>, RunError>>,
    /// Released when the run begins; `None` if the call is queued again.
    pub(super) permit: Option<QueuePermit>,
    pub(super) arrived: Instant,
    /// Dead once the caller is gone.
    pub(super) caller: Weak<CallState>,
    pub(super) joins: JoinPolicy,
}

/// Which calls a call may share a run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JoinPolicy {
    /// Any call that fits.
    Any,
    /// No call: a shared run took too long, and a run alone shows which call is at fault.
    Never,
}

/// The state of a call whose caller waits: queued, running alone, or running in a batch.
#[derive(Debug, Default)]
pub(super) struct CallState(AtomicU8);

impl CallState {
    /// The call runs, in a batch of `calls` calls.
    pub(super) fn set_running(&self, calls: usize) {
        self.0.store(u8::try_from(calls.min(2)).unwrap_or(2), Ordering::Relaxed);
    }

    /// The call is queued again.
    pub(super) fn set_queued(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether the call runs alone.
    pub(super) fn runs_alone(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 1
    }
}

/// The share of the queue's bounds that one call holds.
pub(super) struct QueuePermit {
    _rows: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

pub(super) struct InferQueue {
    bounds: QueueBounds,
    rows: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    max_bytes: usize,
    state: Mutex<QueueState>,
    arrived: Condvar,
    /// Set if a run of the network does not end.
    pub(super) lost: LostFlag,
    pub(super) running: ActiveRun,
    pub(super) stats: CallStats,
}

struct QueueState {
    entries: VecDeque<QueuedCall>,
    closed: bool,
    /// `None` while the network runs.
    network: Option<Box<dyn RunnableNetwork>>,
    batch_size: AdaptiveBatchSize,
    /// Consecutive calls that met no other call.
    consecutive_solo_calls: u32,
}

/// The calls of the next run, with the network.
pub(super) struct CallBatch {
    pub(super) network: Box<dyn RunnableNetwork>,
    pub(super) entries: Vec<QueuedCall>,
    /// The batch size limit, which a single larger call may exceed.
    pub(super) bound: usize,
}

impl InferQueue {
    /// The queue of `network`. The queued tensors have at most `max_bytes` bytes.
    pub(super) fn new(network: Box<dyn RunnableNetwork>, bounds: QueueBounds, max_bytes: usize) -> Self {
        let permits = |bound: usize| Arc::new(Semaphore::new(bound.min(Semaphore::MAX_PERMITS)));
        let (rows, bytes) = (permits(bounds.queue_rows.get()), permits(max_bytes));
        Self {
            bounds,
            rows,
            bytes,
            max_bytes,
            lost: network.lost(),
            state: Mutex::new(QueueState {
                entries: VecDeque::new(),
                closed: false,
                network: Some(network),
                batch_size: AdaptiveBatchSize::new(bounds.batch_rows),
                consecutive_solo_calls: 0,
            }),
            arrived: Condvar::new(),
            running: ActiveRun::default(),
            stats: CallStats::default(),
        }
    }

    /// Reserves a permit for `call`, if the bounds allow it. A call larger than the whole queue gets the whole queue.
    pub(super) fn try_reserve(&self, call: &ValidTensors) -> Option<QueuePermit> {
        Some(QueuePermit {
            _rows: take(&self.rows, call.rows(), self.bounds.queue_rows.get())?,
            _bytes: take(&self.bytes, call.bytes(), self.max_bytes)?,
        })
    }

    /// Whether the queue is full for any call.
    pub(super) fn is_full(&self) -> bool {
        self.rows.available_permits() == 0 || self.bytes.available_permits() == 0
    }

    /// The number of queued rows.
    pub(super) fn waiting(&self) -> usize {
        self.lock().entries.iter().map(|entry| entry.call.rows()).sum()
    }

    /// Takes the network for an inline run: if the call is expected to be short, no call is queued, and calls come one
    /// at a time.
    pub(super) fn try_take_for_inline_run(&self, size: CallSize) -> Option<Box<dyn RunnableNetwork>> {
        let mut state = self.lock();
        // Inline runs never overlap, whatever the load. So now and then a call is queued, to find out whether calls
        // overlap.
        let alone = state.consecutive_solo_calls >= SOLO_CALLS_BEFORE_INLINE
            && !state.consecutive_solo_calls.is_multiple_of(SOLO_CALLS_BEFORE_INLINE);
        if state.closed || !state.entries.is_empty() || !alone || !state.batch_size.is_expected_short(size) {
            return None;
        }
        let network = state.network.take_if(|network| network.is_thread_independent())?;
        state.consecutive_solo_calls = state.consecutive_solo_calls.wrapping_add(1).max(SOLO_CALLS_BEFORE_INLINE);
        Some(network)
    }

    /// Returns the network of [`Self::try_take_for_inline_run`]; the run took `time`, if it succeeded.
    pub(super) fn return_after_inline_run(
        &self,
        network: Box<dyn RunnableNetwork>,
        size: CallSize,
        time: Option<Duration>,
    ) {
        let mut state = self.lock();
        state.network = Some(network);
        if let Some(time) = time {
            // The call ran alone, so it does not count for the batch size.
            state.batch_size.record_run(size, usize::MAX, time);
        }
        if state.closed || !state.entries.is_empty() {
            self.arrived.notify_one();
        }
    }

    /// Queues `entry`, unless the queue is closed.
    pub(super) fn push(&self, entry: QueuedCall) -> Result<(), QueueClosed> {
        let mut state = self.lock();
        if state.closed {
            return Err(QueueClosed);
        }
        if state.network.is_none() || !state.entries.is_empty() {
            state.consecutive_solo_calls = 0;
        }
        state.entries.push_back(entry);
        // A thread that holds the network checks the queue when it returns it.
        if state.network.is_some() {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Queues calls of a failed run again, at the front and in their order.
    pub(super) fn requeue(&self, entries: impl DoubleEndedIterator<Item = QueuedCall>) {
        let mut state = self.lock();
        for entry in entries.rev() {
            state.entries.push_front(entry);
        }
    }

    /// Drops the calls whose callers are gone, and stops the current run if all its callers are gone.
    pub(super) fn drop_cancelled(&self) {
        self.running.stop_if_abandoned();
        let mut state = self.lock();
        let (gone, waiting) = state.entries.drain(..).partition(|entry| entry.reply.is_closed());
        state.entries = waiting;
        drop(state);
        // Tensors can be large, so they are freed without the lock.
        drop::<VecDeque<QueuedCall>>(gone);
    }

    /// Refuses later calls. [`Self::take`] returns `None` once the queue is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Closes the queue and drops its calls, so that no caller waits for an answer that cannot come.
    pub(super) fn abandon(&self) {
        self.close();
        let left = std::mem::take(&mut self.lock().entries);
        drop(left);
    }

    /// Makes the next call eligible for an inline run.
    #[cfg(test)]
    pub(super) fn force_solo_calls(&self) {
        self.lock().consecutive_solo_calls = SOLO_CALLS_BEFORE_INLINE + 1;
    }

    /// Returns the network of the last [`CallBatch`].
    pub(super) fn put_back(&self, network: Box<dyn RunnableNetwork>) {
        self.lock().network = Some(network);
    }

    /// Records that a run of this size, with the batch size limit `bound`, took `time`.
    pub(super) fn record_run(&self, size: CallSize, bound: usize, time: Duration) {
        self.lock().batch_size.record_run(size, bound, time);
    }

    /// Waits for a call and the network, and takes them with all calls that may share the run. `None` if the queue is
    /// closed and empty.
    pub(super) fn take(&self) -> Option<CallBatch> {
        let mut state = self.lock();
        loop {
            // Cancelled calls do not run.
            while state.entries.front().is_some_and(|entry| entry.reply.is_closed()) {
                state.entries.pop_front();
            }
            let there = state.network.is_some();
            if there && let Some(first) = state.entries.pop_front() {
                let (entries, bound) = form_batch(first, &mut state);
                if entries.len() == 1 && state.entries.is_empty() {
                    state.consecutive_solo_calls = state.consecutive_solo_calls.wrapping_add(1);
                }
                return state.network.take().map(|network| CallBatch { network, entries, bound });
            }
            if state.closed && there {
                // The worker thread frees the session, since it made its runs.
                let network = state.network.take();
                drop(state);
                drop(network);
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // No code under this lock panics between two changes, so a poisoned state is consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the calls that may share the run of `first`, and the batch size limit.
fn form_batch(first: QueuedCall, state: &mut QueueState) -> (Vec<QueuedCall>, usize) {
    let waiting: usize = state.entries.iter().map(|entry| entry.size.rows).fold(first.size.rows, usize::saturating_add);
    let bound = state.batch_size.next_batch_size(first.size.of_rows(waiting));
    let mut rows = first.size.rows;
    let mut taken = vec![first];
    let mut left = VecDeque::new();
    while taken[0].joins == JoinPolicy::Any
        && rows < bound
        && let Some(entry) = state.entries.pop_front()
    {
        if entry.reply.is_closed() {
            continue;
        }
        let joined = rows.saturating_add(entry.size.rows);
        if joined <= bound && entry.joins == JoinPolicy::Any && taken[0].call.can_join(&entry.call) {
            rows = joined;
            taken.push(entry);
        } else {
            left.push_back(entry);
        }
    }
    // Skipped calls keep their place in the queue.
    while let Some(entry) = left.pop_back() {
        state.entries.push_front(entry);
    }
    (taken, bound)
}

/// Solo calls before a call runs inline, and the interval at which a call is queued all the same. A shared run saves so
/// much time that one thread hand-over in 16 calls is worth it.
const SOLO_CALLS_BEFORE_INLINE: u32 = 16;

/// The queue is closed.
#[derive(Debug)]
pub(super) struct QueueClosed;

fn take(permits: &Arc<Semaphore>, wanted: usize, bound: usize) -> Option<OwnedSemaphorePermit> {
    let wanted = u32::try_from(wanted.min(bound).max(1)).unwrap_or(u32::MAX);
    Arc::clone(permits).try_acquire_many_owned(wanted).ok()
}
