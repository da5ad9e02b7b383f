//! Admission control of sealed bodies: a budget of memory over all connections, and a bound on how many are opened at once.
//!
//! A sealed call has to be read and opened before anybody can look at its key, so what strangers have this process keep is bounded here,
//! all of them together. Bytes count as they arrive, not as they are announced, and a body counts as [`LEAST`] bytes at least until it is
//! whole, so their number is bounded too. If a body does not fit, the one that has held the most memory for the longest (bytes times
//! age) is given up, of those that are not whole yet: senders that hold bytes back make room for those that send. If nothing else
//! is left to give up, the body itself is refused. Nobody waits.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::available_parallelism;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::error::Error;
use crate::error::SealedCallError;
use amaas_engine::cpu::spawn_if_larger_than;

/// The sealed bodies under way; cheap to clone.
#[derive(Clone)]
pub(crate) struct SealedBodies(Arc<BudgetShared>);

struct BudgetShared {
    limit: usize,
    state: Mutex<BudgetState>,
    openers: Arc<Semaphore>,
}

#[derive(Default)]
struct BudgetState {
    used: usize,
    next: u64,
    /// Those that are not whole yet.
    arriving: HashMap<u64, BodyEntry>,
}

struct BodyEntry {
    begun: Instant,
    came: usize,
    /// What it counts as.
    bytes: usize,
    given_up: Arc<Notify>,
}

impl SealedBodies {
    /// Bodies of `limit` bytes together.
    pub(crate) fn new(limit: usize) -> Self {
        // Half of the processors, so that there is always one for calls whose key is known.
        let openers = available_parallelism().map_or(1, NonZeroUsize::get).div_ceil(2);
        Self(Arc::new(BudgetShared { limit, state: Mutex::default(), openers: Arc::new(Semaphore::new(openers)) }))
    }

    /// Begins to take a body.
    ///
    /// # Errors
    /// [`Error::Sealed(SealedCallError::Backlog)`]
    pub(crate) fn begin(&self) -> Result<SealedBodyReceiver, Error> {
        let given_up = Arc::new(Notify::new());
        let mut state = self.0.state();
        let id = state.next;
        state.next += 1;
        state
            .arriving
            .insert(id, BodyEntry { begun: Instant::now(), came: 0, bytes: 0, given_up: Arc::clone(&given_up) });
        let grown = state.grow(id, 0, self.0.limit);
        drop(state);
        // Refused, it is given back.
        let arriving = SealedBodyReceiver { shared: Arc::clone(&self.0), id, given_up };
        grown.map(|()| arriving)
    }

    /// Has `open` open `size` bytes: here if that is quick, and else beside the runtime, of which as many run at once as there are
    /// openers. What waits for one is within the budget.
    pub(crate) async fn open<T: Send + 'static>(
        &self,
        size: usize,
        open: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let opener = match size {
            0..=QUICK => None,
            _ => Some(
                Arc::clone(&self.0.openers)
                    .acquire_owned()
                    .await
                    .map_err(|error| Error::internal(error.to_string()))?,
            ),
        };
        let open = move || {
            let _opener = opener;
            open()
        };
        spawn_if_larger_than(QUICK, size, open).await
    }

    /// Takes every opener.
    #[cfg(test)]
    pub(crate) async fn all_openers(&self) -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(self.0.openers.available_permits()).expect("few");
        Arc::clone(&self.0.openers).acquire_many_owned(all).await.expect("open")
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.0.state().used
    }
}

impl BudgetShared {
    fn state(&self) -> MutexGuard<'_, BudgetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BudgetState {
    /// Counts `more` bytes of the body `id`, for which others are given up.
    fn grow(&mut self, id: u64, more: usize, limit: usize) -> Result<(), Error> {
        let now = Instant::now();
        loop {
            // Given up in the meantime.
            let entry = self.arriving.get_mut(&id).ok_or(Error::Sealed(SealedCallError::Backlog))?;
            let bytes = (entry.came + more).max(LEAST);
            let used = self.used - entry.bytes + bytes;
            if used <= limit {
                (entry.came, entry.bytes, self.used) = (entry.came + more, bytes, used);
                return Ok(());
            }
            let (worst, _) = self
                .arriving
                .iter()
                .max_by_key(|(_, entry)| (entry.bytes as u128 + 1) * (now.duration_since(entry.begun).as_micros() + 1))
                .ok_or(Error::Sealed(SealedCallError::Backlog))?;
            let worst = *worst;
            if let Some(entry) = self.arriving.remove(&worst) {
                self.used -= entry.bytes;
                entry.given_up.notify_one();
            }
        }
    }
}

/// A body on its way. Its bytes are given back when it is dropped.
pub(crate) struct SealedBodyReceiver {
    shared: Arc<BudgetShared>,
    id: u64,
    given_up: Arc<Notify>,
}

impl SealedBodyReceiver {
    /// Counts `bytes` that came.
    ///
    /// # Errors
    /// [`Error::Sealed(SealedCallError::Backlog)`] if there is no room for them, or the body was given up.
    pub(crate) fn came(&self, bytes: usize) -> Result<(), Error> {
        self.shared.state().grow(self.id, bytes, self.shared.limit)
    }

    /// Done when the body is given up.
    pub(crate) async fn given_up(&self) {
        self.given_up.notified().await;
    }

    /// The body is whole, and has `bytes`: nobody gives it up any more.
    pub(crate) fn whole(self, bytes: usize) -> Result<HeldBytes, Error> {
        let mut state = self.shared.state();
        let entry = state.arriving.remove(&self.id).ok_or(Error::Sealed(SealedCallError::Backlog))?;
        state.used = state.used - entry.bytes + bytes;
        drop(state);
        Ok(HeldBytes { shared: Arc::clone(&self.shared), bytes })
    }
}

impl Drop for SealedBodyReceiver {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if let Some(entry) = state.arriving.remove(&self.id) {
            state.used -= entry.bytes;
        }
    }
}

/// Bytes that are kept, until it is dropped.
pub(crate) struct HeldBytes {
    shared: Arc<BudgetShared>,
    bytes: usize,
}

impl HeldBytes {
    /// From now on it is so many bytes.
    pub(crate) fn keep(&mut self, bytes: usize) {
        let mut state = self.shared.state();
        state.used = state.used - self.bytes + bytes;
        self.bytes = bytes;
    }

    /// `content`, which is what is left of the body, until it is read: whoever reads it knows whose call it is.
    pub(crate) fn body(self, content: Vec<u8>) -> Body {
        Body::new(HeldContent {
            content: Some(Bytes::from(content)).filter(|content| !content.is_empty()),
            _held: self,
        })
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.shared.state().used -= self.bytes;
    }
}

/// A body in one piece.
struct HeldContent {
    content: Option<Bytes>,
    _held: HeldBytes,
}

impl http_body::Body for HeldContent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Poll::Ready(self.content.take().map(|content| Ok(Frame::data(content))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.as_ref().map_or(0, |content| content.len() as u64))
    }
}

/// What each body that is not whole counts as at least: more than a connection, a task and its buffers take.
const LEAST: usize = 64 << 10;
/// So many bytes are opened in less than 500 µs, however they are cut into chunks.
const QUICK: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whether the body was given up.
    async fn lost(arriving: &SealedBodyReceiver) -> bool {
        tokio::time::timeout(Duration::ZERO, arriving.given_up()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_the_most_for_the_longest_makes_room() {
        let arrivals = SealedBodies::new(10 * LEAST);
        let (small, large) = (arrivals.begin().expect("room"), arrivals.begin().expect("room"));
        large.came(6 * LEAST).expect("room");
        tokio::time::advance(Duration::from_secs(1)).await;
        let new = arrivals.begin().expect("room");
        assert_eq!(arrivals.used(), 8 * LEAST);
        new.came(4 * LEAST).expect("the large one goes");
        assert_eq!((lost(&small).await, lost(&large).await, lost(&new).await), (false, true, false));
        assert_eq!(large.came(1).expect_err("it is given up").slug(), "sealed-backlog");
        drop(large);
        assert_eq!(arrivals.used(), 5 * LEAST, "its bytes were given back already, and are once only");
        drop((small, new));
        assert_eq!(arrivals.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_too_many_and_the_newest_comes_in() {
        let arrivals = SealedBodies::new(10 * LEAST);
        let mut all = Vec::new();
        for _ in 0..1000 {
            all.push(arrivals.begin().expect("the oldest goes"));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(arrivals.used(), 10 * LEAST);
        for (index, arriving) in all.iter().enumerate() {
            assert_eq!(lost(arriving).await, index < 990, "{index}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_whole_is_not_given_up_and_what_does_not_fit_beside_it_is_refused() {
        let arrivals = SealedBodies::new(4 * LEAST);
        let first = arrivals.begin().expect("room");
        first.came(3 * LEAST).expect("room");
        let held = first.whole(3 * LEAST).expect("it was not given up");
        let second = arrivals.begin().expect("room");
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(second.came(LEAST + 1).expect_err("no room").slug(), "sealed-backlog");
        drop(second);
        let body = held.body(vec![1; 100]);
        assert_eq!(arrivals.used(), 3 * LEAST, "until it is read");
        drop(body);
        assert_eq!(arrivals.used(), 0);
    }

    #[tokio::test]
    async fn openers_are_counted_and_quick_ones_do_not_wait_for_them() {
        let arrivals = SealedBodies::new(1 << 20);
        let taken = arrivals.all_openers().await;
        assert_eq!(arrivals.open(QUICK, || Ok(1)).await.expect("here"), 1);
        let waiting = tokio::time::timeout(Duration::from_millis(50), arrivals.open(QUICK + 1, || Ok(2)));
        assert!(waiting.await.is_err(), "it waits for an opener");
        drop(taken);
        let beside = arrivals.open(QUICK + 1, || Ok(std::thread::current().id())).await.expect("it is free");
        assert_ne!(beside, std::thread::current().id(), "beside the runtime");
    }
}
