//! Calls that wait to be begun.
//!
//! Invariant: no more calls and bytes wait than there are places for, and who hangs up gives the place back at once.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Call, Event};

/// One call, with the way back to its caller.
pub(super) struct Entry {
    pub(super) call: Call,
    pub(super) reply: UnboundedSender<Event>,
    /// Given back when it is begun.
    pub(super) place: Place,
}

/// What a call takes of the queue's bounds.
pub(super) struct Place {
    _call: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

pub(super) struct Queue {
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    most_bytes: usize,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    closed: bool,
}

/// Whether there is anything else to do than to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// Nothing: wait until a call arrives.
    Wait,
    /// There is: look and go on.
    Busy,
}

impl Queue {
    pub(super) fn new(places: NonZeroUsize, most_bytes: usize) -> Self {
        let bound = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        let (places, bytes) = (bound(places.get()), bound(most_bytes));
        Self { places, bytes, most_bytes, state: Mutex::default(), arrived: Condvar::new() }
    }

    /// A place for a call of `bytes`, where there is one. A call larger than the whole queue may have it alone.
    pub(super) fn place(&self, bytes: usize) -> Option<Place> {
        let bytes = u32::try_from(bytes.clamp(1, self.most_bytes)).unwrap_or(u32::MAX);
        Some(Place {
            _call: Arc::clone(&self.places).try_acquire_owned().ok()?,
            _bytes: Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()?,
        })
    }

    /// Calls that wait to be begun.
    pub(super) fn waiting(&self) -> usize {
        self.lock().entries.len()
    }

    /// Queues `entries`, unless the queue is closed.
    pub(super) fn push(&self, entries: Vec<Entry>) -> Result<(), Closed> {
        let mut state = self.lock();
        if state.closed {
            return Err(Closed);
        }
        state.entries.extend(entries);
        self.arrived.notify_one();
        Ok(())
    }

    /// Throws away the calls whose callers have gone.
    pub(super) fn forget_gone(&self) {
        let mut state = self.lock();
        let (gone, waiting) = state.entries.drain(..).partition(|entry| entry.reply.is_closed());
        state.entries = waiting;
        drop(state);
        drop::<VecDeque<Entry>>(gone);
    }

    /// Takes the first call, where `fits` says that it may be begun; where `idle` says so, waits for one. `Err` when there will
    /// be no more.
    pub(super) fn take(&self, idle: Idle, mut fits: impl FnMut(&Call) -> bool) -> Result<Option<Entry>, Closed> {
        let mut state = self.lock();
        loop {
            while state.entries.front().is_some_and(|entry| entry.reply.is_closed()) {
                state.entries.pop_front();
            }
            match state.entries.front() {
                Some(first) if fits(&first.call) => return Ok(state.entries.pop_front()),
                Some(_) => return Ok(None),
                None if state.closed => return Err(Closed),
                None if idle == Idle::Busy => return Ok(None),
                None => state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Refuses what comes from now on.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Closes the queue, and drops what is in it, so that no caller waits for an end that cannot come.
    pub(super) fn abandon(&self) {
        self.close();
        let left = std::mem::take(&mut self.lock().entries);
        drop(left);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way through a change, so a poisoned state is still a whole one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue is closed.
#[derive(Debug)]
pub(super) struct Closed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_number_and_in_bytes() {
        let queue = Queue::new(const { NonZeroUsize::new(3).unwrap() }, 100);
        let (small, large) = (queue.place(40).expect("room"), queue.place(60).expect("room"));
        assert!(queue.place(1).is_none(), "there is a place, and no byte");
        drop(large);
        let others = [queue.place(1), queue.place(1)];
        assert!(others.iter().all(Option::is_some) && queue.place(1).is_none(), "there are bytes, and no place");
        drop((small, others));
        let alone = queue.place(1 << 30).expect("a call larger than the queue has it alone");
        assert!(queue.place(1).is_none());
        drop(alone);
    }
}
