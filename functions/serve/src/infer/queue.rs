//! Calls that wait for a run.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use amaas_wire::Tensor;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Bounds, RunError};
use crate::request::Valid;

/// One call, with the way back to its caller.
pub(super) struct Entry {
    pub(super) call: Valid,
    pub(super) reply: oneshot::Sender<Result<Vec<Tensor>, RunError>>,
    /// The rows that it takes of the queue's bound, given back when its run begins.
    pub(super) permit: OwnedSemaphorePermit,
}

pub(super) struct Queue {
    bounds: Bounds,
    places: Arc<Semaphore>,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(bounds: Bounds) -> Self {
        let places = Arc::new(Semaphore::new(bounds.queue_rows.get().min(Semaphore::MAX_PERMITS)));
        Self { bounds, places, state: Mutex::default(), arrived: Condvar::new() }
    }

    /// A place for `rows` rows, where there is one. A call larger than the whole queue may have it alone.
    pub(super) fn permit(&self, rows: usize) -> Option<OwnedSemaphorePermit> {
        let rows = u32::try_from(rows.clamp(1, self.bounds.queue_rows.get())).unwrap_or(u32::MAX);
        Arc::clone(&self.places).try_acquire_many_owned(rows).ok()
    }

    pub(super) fn push(&self, entry: Entry) {
        self.lock().entries.push_back(entry);
        self.arrived.notify_one();
    }

    /// Lets [`Self::take`] answer `None` once the queue is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
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
