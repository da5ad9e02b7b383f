//! Calls that wait for a run.
//!
//! Invariant: the queue holds no more rows and bytes than its bounds, because each entry holds its place, and an entry
//! whose caller has gone is thrown away at once.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use amaas_wire::Tensor;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::running::Running;
use super::stats::Stats;
use super::{Bounds, RunError};
use crate::request::Valid;

/// One call, with the way back to its caller.
pub(super) struct Entry {
    pub(super) call: Valid,
    pub(super) reply: oneshot::Sender<Result<Vec<Tensor>, RunError>>,
    /// Given back when its run begins.
    pub(super) place: Place,
    pub(super) arrived: Instant,
    /// Alive as long as the caller waits.
    pub(super) caller: Weak<()>,
}

/// What a call takes of the queue's bounds.
pub(super) struct Place {
    _rows: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

pub(super) struct Queue {
    bounds: Bounds,
    rows: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    most_bytes: usize,
    state: Mutex<State>,
    arrived: Condvar,
    pub(super) running: Running,
    pub(super) stats: Stats,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    closed: bool,
}

impl Queue {
    /// A queue of `bounds`, whose tensors take at most `most_bytes` of memory.
    pub(super) fn new(bounds: Bounds, most_bytes: usize) -> Self {
        let places = |bound: usize| Arc::new(Semaphore::new(bound.min(Semaphore::MAX_PERMITS)));
        let (rows, bytes) = (places(bounds.queue_rows.get()), places(most_bytes));
        Self {
            bounds,
            rows,
            bytes,
            most_bytes,
            state: Mutex::default(),
            arrived: Condvar::new(),
            running: Running::default(),
            stats: Stats::default(),
        }
    }

    /// A place for `call`, where there is one. A call larger than the whole queue may have it alone.
    pub(super) fn place(&self, call: &Valid) -> Option<Place> {
        let bytes = call.tensors().iter().map(|tensor| tensor.data().byte_size()).sum();
        Some(Place {
            _rows: take(&self.rows, call.rows(), self.bounds.queue_rows.get())?,
            _bytes: take(&self.bytes, bytes, self.most_bytes)?,
        })
    }

    /// Queues `entry`, unless the queue is closed.
    pub(super) fn push(&self, entry: Entry) -> Result<(), Closed> {
        let mut state = self.lock();
        if state.closed {
            return Err(Closed);
        }
        state.entries.push_back(entry);
        self.arrived.notify_one();
        Ok(())
    }

    /// Throws away the entries whose callers have gone, and ends the run where all of its have.
    pub(super) fn forget_gone(&self) {
        self.running.look();
        let mut state = self.lock();
        let (gone, waiting) = state.entries.drain(..).partition(|entry| entry.reply.is_closed());
        state.entries = waiting;
        drop(state);
        // What they hold can be large, so it is freed when nobody waits for the lock.
        drop::<VecDeque<Entry>>(gone);
    }

    /// Refuses what comes from now on, and lets [`Self::take`] answer `None` once the queue is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Closes the queue, and drops what is in it, so that no caller waits for an answer that cannot come.
    pub(super) fn abandon(&self) {
        self.close();
        let left = std::mem::take(&mut self.lock().entries);
        drop(left);
    }

    /// Waits for a call, and takes it with every other that may share its run; `None` when there will be no more.
    pub(super) fn take(&self) -> Option<Vec<Entry>> {
        let mut state = self.lock();
        loop {
            // Whoever hung up while waiting gets no run.
            while state.entries.front().is_some_and(|entry| entry.reply.is_closed()) {
                state.entries.pop_front();
            }
            if let Some(first) = state.entries.pop_front() {
                return Some(self.with_others(first, &mut state.entries));
            }
            if state.closed {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn with_others(&self, first: Entry, waiting: &mut VecDeque<Entry>) -> Vec<Entry> {
        let mut rows = first.call.rows();
        let mut taken = vec![first];
        let mut left = VecDeque::new();
        while let Some(entry) = waiting.pop_front() {
            if entry.reply.is_closed() {
                continue;
            }
            let joined = rows.saturating_add(entry.call.rows());
            if joined <= self.bounds.batch_rows.get() && taken[0].call.can_join(&entry.call) {
                rows = joined;
                taken.push(entry);
            } else {
                left.push_back(entry);
            }
            if rows >= self.bounds.batch_rows.get() {
                break;
            }
        }
        // What was passed over keeps its turn.
        while let Some(entry) = left.pop_back() {
            waiting.push_front(entry);
        }
        taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way through a change, so a poisoned state is still a whole one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue is closed.
#[derive(Debug)]
pub(super) struct Closed;

fn take(places: &Arc<Semaphore>, wanted: usize, bound: usize) -> Option<OwnedSemaphorePermit> {
    let wanted = u32::try_from(wanted.min(bound).max(1)).unwrap_or(u32::MAX);
    Arc::clone(places).try_acquire_many_owned(wanted).ok()
}
