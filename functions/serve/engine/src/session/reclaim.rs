//! Memory after a peak: a thread gives it back to the system.
//!
//! ONNX Runtime's arena keeps what a run needed, and the heap what a large body or answer did. Every few seconds the thread looks at how
//! much memory the process has, and where it is more than it was, has both give back what is free; and soon after a model is dropped,
//! whose weights are the most that is ever freed at once. Runs are none the slower for it: to have each run shrink the arena took 5 to 14 % of the bundled networks' time.

use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use ort::environment::Environment;
use ort::session::{RunOptions, Session};
use ort::value::TensorRef;

use super::ort_session as session;
use crate::runtime::{heap, memory};

/// Gives memory back from now on.
pub(super) fn start(environment: &Environment) {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        // The arena keeps the first memory that it gets for good, so that is to be a little, and not what the first large run needs.
        if let Err(error) = shrink(environment) {
            tracing::warn!(error = error.message(), "the arena of ONNX Runtime could not be begun");
        }
        let environment = environment.clone();
        if let Err(error) = Builder::new().name("reclaim".to_owned()).spawn(move || watch(&environment)) {
            tracing::warn!(%error, "there is no thread that gives memory back");
        }
    });
}

/// Tells, when it is dropped, that a model was.
pub struct Freed;

impl Drop for Freed {
    fn drop(&mut self) {
        *FREED.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        FREED.1.notify_all();
    }
}

/// Whether a model was dropped since it was last looked at.
static FREED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Waits for `time`, or until a model was dropped, and whether one was.
fn wait(time: Duration) -> bool {
    let freed = FREED.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = FREED.1.wait_timeout_while(freed, time, |freed| !*freed);
    let (mut freed, _) = waited.unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *freed)
}

fn watch(environment: &Environment) {
    let (mut least, mut pause) = (memory::resident().unwrap_or_default(), PAUSE);
    let mut freed = false;
    loop {
        freed |= wait(EVERY);
        let Some(before) = memory::resident() else { return };
        if std::mem::take(&mut freed) {
            // Its threads end after it.
            std::thread::sleep(ENDING);
            pause = PAUSE;
        } else if before < least.saturating_add(GROWN) {
            (least, pause) = (least.min(before), PAUSE);
            continue;
        }
        now(environment);
        let after = memory::resident().unwrap_or(before);
        tracing::debug!(before, after, "memory was given back");
        // What is in use is not free yet; where it always is, it is looked for less and less often.
        freed = wait(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Gives back what is free: of the arena, then of the heap.
pub(super) fn now(environment: &Environment) {
    if let Err(error) = shrink(environment) {
        tracing::warn!(error = error.message(), "the arena of ONNX Runtime could not be shrunk");
    }
    heap::trim();
}

/// ONNX Runtime shrinks an arena at the end of a run that asks for it, whatever the network: this one is the smallest that there is.
fn shrink(environment: &Environment) -> Result<(), ort::Error> {
    static SHRINKS: Mutex<Option<Session>> = Mutex::new(None);
    let mut session = SHRINKS.lock().unwrap_or_else(PoisonError::into_inner);
    let session = match &mut *session {
        Some(session) => session,
        none => none.insert(session::smallest(environment, IDENTITY)?),
    };
    let mut options = RunOptions::new()?;
    options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
    let x = TensorRef::from_array_view(([1_usize], &[true][..]))?;
    session.run_with_options(ort::inputs![x], &options).map(drop)
}

/// `y = x`, BOOL `[1]`.
const IDENTITY: &[u8] = b"\x08\t:7\n\x10\n\x01x\x12\x01y\"\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\t\x12\x04\n\x02\x08\x01b\x0f\n\x01y\x12\n\n\x08\x08\t\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\x11";

/// How long the threads of a model that was dropped take to end, and with them its sessions.
const ENDING: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_secs(2);
/// How long what was given back is not looked for again.
const PAUSE: Duration = Duration::from_secs(4);
const LONGEST_PAUSE: Duration = Duration::from_secs(64);
/// How much more memory than before is worth it.
const GROWN: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_model_that_is_dropped_is_not_waited_past() {
        let begun = Instant::now();
        assert!(!wait(Duration::from_millis(20)), "none was");
        drop(Freed);
        assert!(wait(LONGEST_PAUSE), "it was dropped before it was waited for");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(LONGEST_PAUSE));
            drop(Freed);
            assert!(waiting.join().expect("no panic"));
        });
        assert!(begun.elapsed() < LONGEST_PAUSE / 2);
    }
}
