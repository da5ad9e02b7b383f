//! The current run, and how it is stopped when all its callers are gone.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

use super::queue::CallState;

/// Stops a run from another thread. Stopping a finished run does nothing.
pub trait StopRun: Send + Sync {
    /// Requests the end of the run, at the network's next operator.
    fn stop(&self);

    /// The run ignored the request: calls that wait for it or for the network get an error.
    fn give_up(&self) {}
}

/// A flag that is set once if a run of a network does not end. It is never reset.
#[derive(Clone, Debug)]
pub struct LostFlag(watch::Sender<bool>);

impl Default for LostFlag {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl LostFlag {
    /// The flag of the networks that this thread creates inside of [`Self::scope`]; a new one outside of it.
    pub fn of_current_scope() -> Self {
        OF_THREAD.with_borrow(|lost| lost.clone().unwrap_or_default())
    }

    /// Runs `make`, whose networks all share this flag.
    pub fn scope<T>(&self, make: impl FnOnce() -> T) -> T {
        let before = OF_THREAD.replace(Some(self.clone()));
        let result = make();
        OF_THREAD.set(before);
        result
    }

    /// Sets the flag.
    pub fn set(&self) {
        self.0.send_replace(true);
    }

    /// Whether the flag is set.
    pub fn is_lost(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when the flag is set.
    pub async fn lost(&self) {
        // `self` holds the sender, so this cannot fail.
        let _ = self.0.subscribe().wait_for(|lost| *lost).await;
    }
}

thread_local! {
    static OF_THREAD: RefCell<Option<LostFlag>> = const { RefCell::new(None) };
}

/// The current run, if any.
#[derive(Default)]
pub(super) struct ActiveRun(Mutex<Option<StoppableRun>>);

struct StoppableRun {
    /// Each is dead once its caller is gone.
    callers: Vec<Weak<CallState>>,
    stop: Arc<dyn StopRun>,
}

impl ActiveRun {
    /// Begins a run for `callers`, which `stop` ends.
    pub(super) fn begin(&self, callers: Vec<Weak<CallState>>, stop: Arc<dyn StopRun>) {
        let mut run = self.lock();
        *run = Some(StoppableRun { callers, stop });
        stop_abandoned(run.as_ref());
    }

    /// The run has ended.
    pub(super) fn end(&self) {
        *self.lock() = None;
    }

    /// Stops the run if all its callers are gone.
    pub(super) fn stop_if_abandoned(&self) {
        stop_abandoned(self.lock().as_ref());
    }

    fn lock(&self) -> MutexGuard<'_, Option<StoppableRun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stop_abandoned(run: Option<&StoppableRun>) {
    if let Some(run) = run.filter(|run| run.callers.iter().all(|caller| caller.strong_count() == 0)) {
        run.stop.stop();
    }
}
