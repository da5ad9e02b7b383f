//! Whether a network needs more memory than its files explain.
//!
//! A file of a hundred bytes can request gigabytes on every host that loads it. So the growth of the process's memory
//! is compared with the size of the network's files: once the session exists, and once it has run.
//!
//! Memory is measured for the whole process, so the check is skipped if other networks were created or run in the
//! meantime. There are none when a model is published, or when a function loads its first model.

use std::sync::atomic::{AtomicU64, Ordering};

use super::SessionError;
use crate::config::RuntimeConfig;
use crate::runtime::memory;

/// The growth of the process's memory since a session began to be created.
pub(super) struct MemoryGrowth {
    before: Option<u64>,
    max_bytes: u64,
    /// Activities begun in the process by then, and those of this network since.
    started_before: u64,
    own_activities: u64,
    is_alone: bool,
}

impl MemoryGrowth {
    /// Starts the measurement, before a session of files of `size` bytes is created.
    pub(super) fn begin(size: u64, config: &RuntimeConfig) -> Self {
        let explained = BASE_BYTES.saturating_add(size.saturating_mul(MAX_FILE_MULTIPLE));
        let max_bytes = config.session_bytes.unwrap_or(explained);
        let (started_before, is_alone) = (STARTED.load(Ordering::SeqCst), ACTIVE.load(Ordering::SeqCst) == 0);
        Self { before: memory::resident(), max_bytes, started_before, own_activities: 0, is_alone }
    }

    /// Marks the session as being created or running while the guard lives.
    pub(super) fn start_activity(&mut self) -> SessionActivity {
        self.own_activities += 1;
        ACTIVE.fetch_add(1, Ordering::SeqCst);
        STARTED.fetch_add(1, Ordering::SeqCst);
        SessionActivity
    }

    /// Fails if the process has grown by more than the limit.
    pub(super) fn check(&self) -> Result<(), SessionError> {
        let is_alone = self.is_alone && STARTED.load(Ordering::SeqCst) == self.started_before + self.own_activities;
        let grown = self.before.zip(memory::resident()).map_or(0, |(before, now)| now.saturating_sub(before));
        if is_alone && grown > self.max_bytes {
            return Err(SessionError::Memory { expected: self.max_bytes, got: grown });
        }
        Ok(())
    }
}

/// Whether no session of the process is being created or running.
pub(super) fn no_activity() -> bool {
    ACTIVE.load(Ordering::SeqCst) == 0
}

/// A session that is being created or running.
pub(super) struct SessionActivity;

impl Drop for SessionActivity {
    fn drop(&mut self) {
        ACTIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

static ACTIVE: AtomicU64 = AtomicU64::new(0);
static STARTED: AtomicU64 = AtomicU64::new(0);

/// The memory a network may need, as a multiple of its files: four-bit weights may become 32-bit numbers, prepacked.
pub(super) const MAX_FILE_MULTIPLE: u64 = 8;
/// The memory any network may need.
const BASE_BYTES: u64 = 512 << 20;
