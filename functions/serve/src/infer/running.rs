//! The run that is under way, and what ends it when nobody waits for its answer any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Ends a run from another thread. Ending one that is over does nothing.
pub(crate) trait Stop: Send + Sync {
    /// Ends it, as soon as the network gets there.
    fn stop(&self);
}

/// The run that is under way, where there is one.
#[derive(Default)]
pub(super) struct Running(Mutex<Option<Run>>);

struct Run {
    /// Alive as long as their callers wait.
    callers: Vec<Weak<()>>,
    stop: Arc<dyn Stop>,
}

impl Running {
    /// A run for `callers` begins, which `stop` ends.
    pub(super) fn begin(&self, callers: Vec<Weak<()>>, stop: Arc<dyn Stop>) {
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
