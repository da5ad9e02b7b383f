//! Calls that wait for a run, and the network while it has none.
//!
//! Invariant: the queue holds no more rows and bytes than its bounds, because each entry holds its place, and an entry
//! whose caller has gone is thrown away at once. Calls of a run that failed late are queued again, one by one, beyond the bounds.
//!
//! Invariant: whoever runs the network has taken it from here, so there is one run at a time. A caller takes it only where nobody
//! waits, and whoever brings it back wakes the thread where somebody does by then, so that nobody waits for long.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use amaas_wire::Tensor;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::Valid;
use super::pace::{Pace, Size};
use super::running::{Lost, Running};
use super::stats::Stats;
use super::{Bounds, Network, RunError};

/// One call, with the way back to its caller.
pub(super) struct Entry {
    pub(super) call: Valid,
    pub(super) size: Size,
    pub(super) reply: oneshot::Sender<Result<Vec<Tensor>, RunError>>,
    /// Given back when its run begins; none where it is queued again.
    pub(super) place: Option<Place>,
    pub(super) arrived: Instant,
    /// Alive as long as the caller waits.
    pub(super) caller: Weak<Waits>,
    pub(super) joins: Joins,
}

/// Whether a call may share a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joins {
    /// With any that it fits.
    Others,
    /// With none: a run that it shared took too long, and it is to be seen whose fault that was.
    Nobody,
}

/// How far a call is whose caller waits.
#[derive(Debug, Default)]
pub(super) struct Waits(AtomicU8);

impl Waits {
    /// It runs, with as many calls in all.
    pub(super) fn runs(&self, calls: usize) {
        self.0.store(u8::try_from(calls.min(2)).unwrap_or(2), Ordering::Relaxed);
    }

    /// It waits again.
    pub(super) fn waits(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether it runs, and alone.
    pub(super) fn runs_alone(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 1
    }
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
    /// Whether a run of the network does not end.
    pub(super) lost: Lost,
    pub(super) running: Running,
    pub(super) stats: Stats,
}

struct State {
    entries: VecDeque<Entry>,
    closed: bool,
    /// Nothing while it runs.
    network: Option<Box<dyn Network>>,
    pace: Pace,
    /// Calls, one after another, that met no other.
    lone: u32,
}

/// What the thread runs next.
pub(super) struct Batch {
    pub(super) network: Box<dyn Network>,
    pub(super) entries: Vec<Entry>,
    /// The most rows that it was to have, unless its first call has more.
    pub(super) bound: usize,
}

impl Queue {
    /// The queue before `network`, of `bounds`, whose tensors take at most `most_bytes` of memory.
    pub(super) fn new(network: Box<dyn Network>, bounds: Bounds, most_bytes: usize) -> Self {
        let places = |bound: usize| Arc::new(Semaphore::new(bound.min(Semaphore::MAX_PERMITS)));
        let (rows, bytes) = (places(bounds.queue_rows.get()), places(most_bytes));
        Self {
            bounds,
            rows,
            bytes,
            most_bytes,
            lost: network.lost(),
            state: Mutex::new(State {
                entries: VecDeque::new(),
                closed: false,
                network: Some(network),
                pace: Pace::new(bounds.batch_rows),
                lone: 0,
            }),
            arrived: Condvar::new(),
            running: Running::default(),
            stats: Stats::default(),
        }
    }

    /// A place for `call`, where there is one. A call larger than the whole queue may have it alone.
    pub(super) fn place(&self, call: &Valid) -> Option<Place> {
        Some(Place {
            _rows: take(&self.rows, call.rows(), self.bounds.queue_rows.get())?,
            _bytes: take(&self.bytes, call.bytes(), self.most_bytes)?,
        })
    }

    /// Whether there is no place, whatever the call.
    pub(super) fn is_full(&self) -> bool {
        self.rows.available_permits() == 0 || self.bytes.available_permits() == 0
    }

    /// Rows of calls that wait for a run.
    pub(super) fn waiting(&self) -> usize {
        self.lock().entries.iter().map(|entry| entry.call.rows()).sum()
    }

    /// The network, for a call that is expected to be short, where nobody waits and calls come one at a time.
    pub(super) fn turn(&self, size: Size) -> Option<Box<dyn Network>> {
        let mut state = self.lock();
        // Calls that are run where they come in do not meet, however many there are: so now and then one is queued, and finds out.
        let alone = state.lone >= FEW && !state.lone.is_multiple_of(FEW);
        if state.closed || !state.entries.is_empty() || !alone || !state.pace.is_short(size) {
            return None;
        }
        let network = state.network.take_if(|network| network.runs_anywhere())?;
        state.lone = state.lone.wrapping_add(1).max(FEW);
        Some(network)
    }

    /// Brings back the network of [`Self::turn`]; it ran for `time`, where that is known.
    pub(super) fn back(&self, network: Box<dyn Network>, size: Size, time: Option<Duration>) {
        let mut state = self.lock();
        state.network = Some(network);
        if let Some(time) = time {
            // It came alone, so its rows tell nothing of how many are best.
            state.pace.ran(size, usize::MAX, time);
        }
        if state.closed || !state.entries.is_empty() {
            self.arrived.notify_one();
        }
    }

    /// Queues `entry`, unless the queue is closed.
    pub(super) fn push(&self, entry: Entry) -> Result<(), Closed> {
        let mut state = self.lock();
        if state.closed {
            return Err(Closed);
        }
        if state.network.is_none() || !state.entries.is_empty() {
            state.lone = 0;
        }
        state.entries.push_back(entry);
        // Whoever has it looks here when it comes back.
        if state.network.is_some() {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Puts calls that have run back to the front, in their order.
    pub(super) fn push_again(&self, entries: impl DoubleEndedIterator<Item = Entry>) {
        let mut state = self.lock();
        for entry in entries.rev() {
            state.entries.push_front(entry);
        }
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

    /// As if so many calls had come alone that the next one is run where it comes in.
    #[cfg(test)]
    pub(super) fn came_alone(&self) {
        self.lock().lone = FEW + 1;
    }

    /// Brings back the network of the last [`Batch`], where there was one.
    pub(super) fn returned(&self, network: Box<dyn Network>) {
        self.lock().network = Some(network);
    }

    /// A run of this size, which was to have at most `bound` rows, took `time`.
    pub(super) fn ran(&self, size: Size, bound: usize, time: Duration) {
        self.lock().pace.ran(size, bound, time);
    }

    /// Waits for a call and for the network, and takes it with every other that may share its run; `None` when there will be no more.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut state = self.lock();
        loop {
            // Whoever hung up while waiting gets no run.
            while state.entries.front().is_some_and(|entry| entry.reply.is_closed()) {
                state.entries.pop_front();
            }
            let there = state.network.is_some();
            if there && let Some(first) = state.entries.pop_front() {
                let (entries, bound) = with_others(first, &mut state);
                if entries.len() == 1 && state.entries.is_empty() {
                    state.lone = state.lone.wrapping_add(1);
                }
                return state.network.take().map(|network| Batch { network, entries, bound });
            }
            if state.closed && there {
                // The thread that made the session's runs frees it too.
                let network = state.network.take();
                drop(state);
                drop(network);
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way through a change, so a poisoned state is still a whole one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes those that may share the run of `first`; and how many rows that was to have at most.
fn with_others(first: Entry, state: &mut State) -> (Vec<Entry>, usize) {
    let waiting: usize = state.entries.iter().map(|entry| entry.size.rows).fold(first.size.rows, usize::saturating_add);
    let bound = state.pace.bound(first.size.of_rows(waiting));
    let mut rows = first.size.rows;
    let mut taken = vec![first];
    let mut left = VecDeque::new();
    while taken[0].joins == Joins::Others
        && rows < bound
        && let Some(entry) = state.entries.pop_front()
    {
        if entry.reply.is_closed() {
            continue;
        }
        let joined = rows.saturating_add(entry.size.rows);
        if joined <= bound && entry.joins == Joins::Others && taken[0].call.can_join(&entry.call) {
            rows = joined;
            taken.push(entry);
        } else {
            left.push_back(entry);
        }
    }
    // What was passed over keeps its turn.
    while let Some(entry) = left.pop_back() {
        state.entries.push_front(entry);
    }
    (taken, bound)
}

/// How many calls have to come alone before one is run where it comes in, and how often one is queued all the same: runs that many
/// calls share take so much less time than as many runs that the way to the thread and back is worth it.
const FEW: u32 = 16;

/// The queue is closed.
#[derive(Debug)]
pub(super) struct Closed;

fn take(places: &Arc<Semaphore>, wanted: usize, bound: usize) -> Option<OwnedSemaphorePermit> {
    let wanted = u32::try_from(wanted.min(bound).max(1)).unwrap_or(u32::MAX);
    Arc::clone(places).try_acquire_many_owned(wanted).ok()
}
