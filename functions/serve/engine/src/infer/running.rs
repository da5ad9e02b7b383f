//! The run that is under way, and what ends it when nobody waits for its answer any more.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

use super::queue::Waits;

/// Ends a run from another thread. Ending one that is over does nothing.
pub trait Stop: Send + Sync {
    /// Ends it, as soon as the network gets there.
    fn stop(&self);

    /// It did not end although it was asked to: whoever waits for it, or for the network, need not wait any longer.
    fn give_up(&self) {}
}

/// Whether a network was given up, since a run of it does not end. It is never found again.
#[derive(Clone, Debug)]
pub struct Lost(watch::Sender<bool>);

impl Default for Lost {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Lost {
    /// That of the networks that are made on this thread for a version or a publication; one of its own where nobody said so.
    pub fn of_this_thread() -> Self {
        OF_THREAD.with_borrow(|lost| lost.clone().unwrap_or_default())
    }

    /// Has it be that of all networks that `make` makes.
    pub fn around<T>(&self, make: impl FnOnce() -> T) -> T {
        let before = OF_THREAD.replace(Some(self.clone()));
        let result = make();
        OF_THREAD.set(before);
        result
    }

    /// From now on it is.
    pub fn lose(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is.
    pub fn is_lost(&self) -> bool {
        *self.0.borrow()
    }

    /// Done when it is.
    pub async fn lost(&self) {
        // The sender is here, so it is not gone before.
        let _ = self.0.subscribe().wait_for(|lost| *lost).await;
    }
}

thread_local! {
    static OF_THREAD: RefCell<Option<Lost>> = const { RefCell::new(None) };
}

/// The run that is under way, where there is one.
#[derive(Default)]
pub(super) struct Running(Mutex<Option<Run>>);

struct Run {
    /// Alive as long as their callers wait.
    callers: Vec<Weak<Waits>>,
    stop: Arc<dyn Stop>,
}

impl Running {
    /// A run for `callers` begins, which `stop` ends.
    pub(super) fn begin(&self, callers: Vec<Weak<Waits>>, stop: Arc<dyn Stop>) {
        let mut run = self.lock();
        *run = Some(Run { callers, stop });
        stop_unwanted(run.as_ref());
    }

    /// It is over.
    pub(super) fn end(&self) {
        *self.lock() = None;
    }

    /// A caller has gone, maybe the last one.
    pub(super) fn look(&self) {
        stop_unwanted(self.lock().as_ref());
    }

    fn lock(&self) -> MutexGuard<'_, Option<Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stop_unwanted(run: Option<&Run>) {
    if let Some(run) = run.filter(|run| run.callers.iter().all(|caller| caller.strong_count() == 0)) {
        run.stop.stop();
    }
}
