//! Memory reclaim: a thread that returns free memory to the system after a peak.
//!
//! ONNX Runtime's arena keeps the memory of runs, and the heap keeps that of large bodies and answers. The thread
//! checks the resident memory every few seconds, and returns free memory if it has grown. It does the same soon after a
//! model is dropped, since weights are the largest blocks. Runs do not slow down: shrinking the arena in each run took
//! 5 to 14 % of the bundled networks' time.

use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use ort::environment::Environment;
use ort::session::{RunOptions, Session};
use ort::value::TensorRef;

use super::ort_session as session;
use crate::runtime::{heap, memory};

/// Starts the reclaim thread, once.
pub(super) fn start(environment: &Environment) {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        // The arena never returns its first region, so a minimal run allocates a small one.
        if let Err(error) = shrink(environment) {
            tracing::warn!(error = error.message(), "cannot initialise ONNX Runtime arena");
        }
        let environment = environment.clone();
        if let Err(error) = Builder::new().name("reclaim".to_owned()).spawn(move || watch(&environment)) {
            tracing::warn!(%error, "cannot start reclaim thread");
        }
    });
}

/// Requests a reclaim when it is dropped: a model owns one.
pub struct ReclaimOnDrop;

impl Drop for ReclaimOnDrop {
    fn drop(&mut self) {
        *MODEL_DROPPED.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        MODEL_DROPPED.1.notify_all();
    }
}

/// Whether a model was dropped since the last check.
static MODEL_DROPPED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Waits for `time`, or until a model is dropped; returns whether one was.
fn wait(time: Duration) -> bool {
    let dropped = MODEL_DROPPED.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = MODEL_DROPPED.1.wait_timeout_while(dropped, time, |dropped| !*dropped);
    let (mut dropped, _) = waited.unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *dropped)
}

fn watch(environment: &Environment) {
    let (mut least, mut pause) = (memory::resident().unwrap_or_default(), MIN_PAUSE);
    let mut dropped = false;
    loop {
        dropped |= wait(CHECK_INTERVAL);
        let Some(before) = memory::resident() else { return };
        if std::mem::take(&mut dropped) {
            // The model's threads end later.
            std::thread::sleep(MODEL_END_TIME);
            pause = MIN_PAUSE;
        } else if before < least.saturating_add(MIN_GROWTH) {
            (least, pause) = (least.min(before), MIN_PAUSE);
            continue;
        }
        reclaim(environment);
        let after = memory::resident().unwrap_or(before);
        tracing::debug!(before, after, "free memory returned to system");
        // Memory in use cannot be returned, so the pause grows while it stays in use.
        dropped = wait(pause);
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Returns free memory to the system: of the arena, then of the heap.
pub(super) fn reclaim(environment: &Environment) {
    if let Err(error) = shrink(environment) {
        tracing::warn!(error = error.message(), "cannot shrink ONNX Runtime arena");
    }
    heap::trim();
}

/// Shrinks the arena. ONNX Runtime does so at the end of a run that requests it, on any network; this one is minimal.
fn shrink(environment: &Environment) -> Result<(), ort::Error> {
    static SHRINK_SESSION: Mutex<Option<Session>> = Mutex::new(None);
    let mut session = SHRINK_SESSION.lock().unwrap_or_else(PoisonError::into_inner);
    let session = match &mut *session {
        Some(session) => session,
        none => none.insert(session::minimal_session(environment, IDENTITY)?),
    };
    let mut options = RunOptions::new()?;
    options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
    let x = TensorRef::from_array_view(([1_usize], &[true][..]))?;
    session.run_with_options(ort::inputs![x], &options).map(drop)
}

/// `y = x`, BOOL `[1]`.
const IDENTITY: &[u8] = b"\x08\t:7\n\x10\n\x01x\x12\x01y\"\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\t\x12\x04\n\x02\x08\x01b\x0f\n\x01y\x12\n\n\x08\x08\t\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\x11";

/// The time until the threads of a dropped model and its sessions have ended.
const MODEL_END_TIME: Duration = Duration::from_secs(1);
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// The first pause after a reclaim.
const MIN_PAUSE: Duration = Duration::from_secs(4);
const MAX_PAUSE: Duration = Duration::from_secs(64);
/// The growth that is worth a reclaim.
const MIN_GROWTH: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_model_that_is_dropped_is_not_waited_past() {
        let begun = Instant::now();
        assert!(!wait(Duration::from_millis(20)), "none was");
        drop(ReclaimOnDrop);
        assert!(wait(MAX_PAUSE), "it was dropped before it was waited for");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(MAX_PAUSE));
            drop(ReclaimOnDrop);
            assert!(waiting.join().expect("no panic"));
        });
        assert!(begun.elapsed() < MAX_PAUSE / 2);
    }
}
