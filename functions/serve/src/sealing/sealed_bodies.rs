//! Admission control of sealed bodies: a budget of memory over all connections, and a bound on how many are opened at once.
//!
//! A sealed call has to be read and opened before its API key is known. So the memory of all unauthenticated clients together is bounded
//! here. Bytes count when they arrive. A body counts as at least [`MIN_BODY_CHARGE`] bytes until it is complete, so the number of bodies is
//! bounded too. If a body does not fit, the incomplete body with the largest product of bytes and age is evicted. So slow senders make room
//! for fast ones. If there is no other incomplete body, the new body is refused. No body waits.

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

/// The budget of sealed bodies in transit; cheap to clone.
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
    /// Incomplete bodies.
    arriving: HashMap<u64, BodyEntry>,
}

struct BodyEntry {
    begun: Instant,
    arrived: usize,
    /// The bytes that it is charged.
    bytes: usize,
    evicted: Arc<Notify>,
}

impl SealedBodies {
    /// A budget of `limit` bytes for all bodies together.
    pub(crate) fn new(limit: usize) -> Self {
        // Half of the processors, so that one is always left for authenticated calls.
        let openers = available_parallelism().map_or(1, NonZeroUsize::get).div_ceil(2);
        Self(Arc::new(BudgetShared { limit, state: Mutex::default(), openers: Arc::new(Semaphore::new(openers)) }))
    }

    /// Begins to receive a body.
    ///
    /// # Errors
    /// [`SealedCallError::Backlog`] if the budget is used up.
    pub(crate) fn begin(&self) -> Result<SealedBodyReceiver, Error> {
        let evicted = Arc::new(Notify::new());
        let mut state = self.0.lock();
        let id = state.next;
        state.next += 1;
        state
            .arriving
            .insert(id, BodyEntry { begun: Instant::now(), arrived: 0, bytes: 0, evicted: Arc::clone(&evicted) });
        let grown = state.grow(id, 0, self.0.limit);
        drop(state);
        // If the body is refused, dropping this releases its bytes.
        let arriving = SealedBodyReceiver { shared: Arc::clone(&self.0), id, evicted };
        grown.map(|()| arriving)
    }

    /// Calls `open` for a body of `size` bytes: inline if it is small, else on a blocking thread. The openers bound how many run at once;
    /// bodies that wait for an opener stay in the budget.
    pub(crate) async fn open<T: Send + 'static>(
        &self,
        size: usize,
        open: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let opener = match size {
            0..=MAX_INLINE_OPEN_BYTES => None,
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
        spawn_if_larger_than(MAX_INLINE_OPEN_BYTES, size, open).await
    }

    /// Takes every opener.
    #[cfg(test)]
    pub(crate) async fn all_openers(&self) -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(self.0.openers.available_permits()).expect("few");
        Arc::clone(&self.0.openers).acquire_many_owned(all).await.expect("open")
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.0.lock().used
    }
}

impl BudgetShared {
    fn lock(&self) -> MutexGuard<'_, BudgetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BudgetState {
    /// Charges `more` bytes to the body `id`, and evicts others if they do not fit.
    fn grow(&mut self, id: u64, more: usize, limit: usize) -> Result<(), Error> {
        let now = Instant::now();
        loop {
            // It may have been evicted in the meantime.
            let entry = self.arriving.get_mut(&id).ok_or(Error::Sealed(SealedCallError::Backlog))?;
            let bytes = (entry.arrived + more).max(MIN_BODY_CHARGE);
            let used = self.used - entry.bytes + bytes;
            if used <= limit {
                (entry.arrived, entry.bytes, self.used) = (entry.arrived + more, bytes, used);
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
                entry.evicted.notify_one();
            }
        }
    }
}

/// An incomplete body. Its bytes are released when it is dropped.
pub(crate) struct SealedBodyReceiver {
    shared: Arc<BudgetShared>,
    id: u64,
    evicted: Arc<Notify>,
}

impl SealedBodyReceiver {
    /// Charges `bytes` that arrived.
    ///
    /// # Errors
    /// [`SealedCallError::Backlog`] if they do not fit, or the body was evicted.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), Error> {
        self.shared.lock().grow(self.id, bytes, self.shared.limit)
    }

    /// Waits until the body is evicted.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Completes the body with a size of `bytes`. It cannot be evicted from now on.
    pub(crate) fn complete(self, bytes: usize) -> Result<HeldBytes, Error> {
        let mut state = self.shared.lock();
        let entry = state.arriving.remove(&self.id).ok_or(Error::Sealed(SealedCallError::Backlog))?;
        state.used = state.used - entry.bytes + bytes;
        drop(state);
        Ok(HeldBytes { shared: Arc::clone(&self.shared), bytes })
    }
}

impl Drop for SealedBodyReceiver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(entry) = state.arriving.remove(&self.id) {
            state.used -= entry.bytes;
        }
    }
}

/// Bytes of a complete body, charged to the budget until this is dropped.
pub(crate) struct HeldBytes {
    shared: Arc<BudgetShared>,
    bytes: usize,
}

impl HeldBytes {
    /// Changes the charge to `bytes`.
    pub(crate) fn set_bytes(&mut self, bytes: usize) {
        let mut state = self.shared.lock();
        state.used = state.used - self.bytes + bytes;
        self.bytes = bytes;
    }

    /// A body of `content` that releases its bytes when it is read, since the caller is authenticated by then.
    pub(crate) fn body(self, content: Vec<u8>) -> Body {
        Body::new(HeldContent {
            content: Some(Bytes::from(content)).filter(|content| !content.is_empty()),
            _held: self,
        })
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.shared.lock().used -= self.bytes;
    }
}

/// A body of one chunk.
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

/// The smallest charge of an incomplete body: more than the memory of a connection, a task and its buffers.
const MIN_BODY_CHARGE: usize = 64 << 10;
/// Bodies up to this size are opened within 500 µs, whatever their chunks.
const MAX_INLINE_OPEN_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whether the body was evicted.
    async fn is_evicted(arriving: &SealedBodyReceiver) -> bool {
        tokio::time::timeout(Duration::ZERO, arriving.evicted()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_the_most_for_the_longest_makes_room() {
        let sealed_bodies = SealedBodies::new(10 * MIN_BODY_CHARGE);
        let (small, large) =
            (sealed_bodies.begin().expect("the body fits"), sealed_bodies.begin().expect("the body fits"));
        large.charge(6 * MIN_BODY_CHARGE).expect("the body fits");
        tokio::time::advance(Duration::from_secs(1)).await;
        let new = sealed_bodies.begin().expect("the body fits");
        assert_eq!(sealed_bodies.used(), 8 * MIN_BODY_CHARGE);
        new.charge(4 * MIN_BODY_CHARGE).expect("the large body is evicted");
        assert_eq!((is_evicted(&small).await, is_evicted(&large).await, is_evicted(&new).await), (false, true, false));
        assert_eq!(large.charge(1).expect_err("the body was evicted").slug(), "sealed-backlog");
        drop(large);
        assert_eq!(
            sealed_bodies.used(),
            5 * MIN_BODY_CHARGE,
            "its bytes were released on eviction, and are not released twice"
        );
        drop((small, new));
        assert_eq!(sealed_bodies.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_too_many_and_the_newest_comes_in() {
        let sealed_bodies = SealedBodies::new(10 * MIN_BODY_CHARGE);
        let mut all = Vec::new();
        for _ in 0..1000 {
            all.push(sealed_bodies.begin().expect("the oldest body is evicted"));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(sealed_bodies.used(), 10 * MIN_BODY_CHARGE);
        for (index, arriving) in all.iter().enumerate() {
            assert_eq!(is_evicted(arriving).await, index < 990, "{index}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_whole_is_not_given_up_and_what_does_not_fit_beside_it_is_refused() {
        let sealed_bodies = SealedBodies::new(4 * MIN_BODY_CHARGE);
        let first = sealed_bodies.begin().expect("the body fits");
        first.charge(3 * MIN_BODY_CHARGE).expect("the body fits");
        let held = first.complete(3 * MIN_BODY_CHARGE).expect("the body was not evicted");
        let second = sealed_bodies.begin().expect("the body fits");
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(second.charge(MIN_BODY_CHARGE + 1).expect_err("no room").slug(), "sealed-backlog");
        drop(second);
        let body = held.body(vec![1; 100]);
        assert_eq!(sealed_bodies.used(), 3 * MIN_BODY_CHARGE, "the charge remains until the body is read");
        drop(body);
        assert_eq!(sealed_bodies.used(), 0);
    }

    #[tokio::test]
    async fn openers_are_counted_and_quick_ones_do_not_wait_for_them() {
        let sealed_bodies = SealedBodies::new(1 << 20);
        let taken = sealed_bodies.all_openers().await;
        assert_eq!(sealed_bodies.open(MAX_INLINE_OPEN_BYTES, || Ok(1)).await.expect("opened inline"), 1);
        let waiting =
            tokio::time::timeout(Duration::from_millis(50), sealed_bodies.open(MAX_INLINE_OPEN_BYTES + 1, || Ok(2)));
        assert!(waiting.await.is_err(), "it waits for an opener");
        drop(taken);
        let beside = sealed_bodies
            .open(MAX_INLINE_OPEN_BYTES + 1, || Ok(std::thread::current().id()))
            .await
            .expect("an opener is free");
        assert_ne!(beside, std::thread::current().id(), "opened on a blocking thread");
    }
}
