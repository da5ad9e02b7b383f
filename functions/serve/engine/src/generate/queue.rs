//! The queue of calls that wait for the scheduler.
//!
//! Invariant: the number and bytes of queued calls are bounded by permits, and a cancelled call releases its permit at
//! once.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{GenerateCall, GenerateEvent};

/// A queued call and the channel for its events.
pub(super) struct QueuedPrompt {
    pub(super) call: GenerateCall,
    pub(super) reply: UnboundedSender<GenerateEvent>,
    /// Released when the sequence starts.
    pub(super) permit: QueuePermit,
}

/// The share of the queue's bounds that one call holds.
pub(super) struct QueuePermit {
    _call: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

pub(super) struct GenerateQueue {
    permits: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    max_bytes: usize,
    state: Mutex<QueueState>,
    arrived: Condvar,
}

#[derive(Default)]
struct QueueState {
    entries: VecDeque<QueuedPrompt>,
    closed: bool,
}

/// What to do if the queue is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenEmpty {
    /// Wait until a call arrives, since no sequence is running.
    Wait,
    /// Return at once, since sequences are running.
    Return,
}

impl GenerateQueue {
    pub(super) fn new(max_calls: NonZeroUsize, max_bytes: usize) -> Self {
        let bound = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        let (permits, bytes) = (bound(max_calls.get()), bound(max_bytes));
        Self { permits, bytes, max_bytes, state: Mutex::default(), arrived: Condvar::new() }
    }

    /// Reserves a permit for a call of `bytes`, if the bounds allow it. A call larger than the whole queue gets the
    /// whole queue.
    pub(super) fn try_reserve(&self, bytes: usize) -> Option<QueuePermit> {
        let bytes = u32::try_from(bytes.clamp(1, self.max_bytes)).unwrap_or(u32::MAX);
        Some(QueuePermit {
            _call: Arc::clone(&self.permits).try_acquire_owned().ok()?,
            _bytes: Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()?,
        })
    }

    /// The number of queued calls.
    pub(super) fn waiting(&self) -> usize {
        self.lock().entries.len()
    }

    /// Queues `entries`, unless the queue is closed.
    pub(super) fn push(&self, entries: Vec<QueuedPrompt>) -> Result<(), QueueClosed> {
        let mut state = self.lock();
        if state.closed {
            return Err(QueueClosed);
        }
        state.entries.extend(entries);
        self.arrived.notify_one();
        Ok(())
    }

    /// Drops the calls whose callers are gone.
    pub(super) fn drop_cancelled(&self) {
        let mut state = self.lock();
        let (gone, waiting) = state.entries.drain(..).partition(|entry| entry.reply.is_closed());
        state.entries = waiting;
        drop(state);
        drop::<VecDeque<QueuedPrompt>>(gone);
    }

    /// Takes the first call, if `fits` admits it. If the queue is empty, `when_empty` decides whether to wait. `Err` if
    /// the queue is closed and empty.
    pub(super) fn take(
        &self,
        when_empty: WhenEmpty,
        mut fits: impl FnMut(&GenerateCall) -> bool,
    ) -> Result<Option<QueuedPrompt>, QueueClosed> {
        let mut state = self.lock();
        loop {
            while state.entries.front().is_some_and(|entry| entry.reply.is_closed()) {
                state.entries.pop_front();
            }
            match state.entries.front() {
                Some(first) if fits(&first.call) => return Ok(state.entries.pop_front()),
                Some(_) => return Ok(None),
                None if state.closed => return Err(QueueClosed),
                None if when_empty == WhenEmpty::Return => return Ok(None),
                None => state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Refuses later calls.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Closes the queue and drops its calls, so that no caller waits for an end that cannot come.
    pub(super) fn abandon(&self) {
        self.close();
        let left = std::mem::take(&mut self.lock().entries);
        drop(left);
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // No code under this lock panics between two changes, so a poisoned state is consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue is closed.
#[derive(Debug)]
pub(super) struct QueueClosed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_number_and_in_bytes() {
        let queue = GenerateQueue::new(const { NonZeroUsize::new(3).unwrap() }, 100);
        let (small, large) = (queue.try_reserve(40).expect("room"), queue.try_reserve(60).expect("room"));
        assert!(queue.try_reserve(1).is_none(), "there is a place, and no byte");
        drop(large);
        let others = [queue.try_reserve(1), queue.try_reserve(1)];
        assert!(others.iter().all(Option::is_some) && queue.try_reserve(1).is_none(), "there are bytes, and no place");
        drop((small, others));
        let alone = queue.try_reserve(1 << 30).expect("a call larger than the queue has it alone");
        assert!(queue.try_reserve(1).is_none());
        drop(alone);
    }
}
