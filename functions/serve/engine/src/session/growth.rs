//! Whether a network needs more memory than its files explain.
//!
//! A file of a hundred bytes can ask for gigabytes, which every host that loads it would have to have. So what the process has more than
//! before the network's session was made is compared with the size of its files: once the session is there, and once it has run.
//!
//! What a process has is told of the whole of it, so nothing is concluded where other networks were made or run meanwhile. Where a model is
//! published, and where a function loads its first, there are none.

use std::sync::atomic::{AtomicU64, Ordering};

use super::SessionError;
use crate::config::RuntimeConfig;
use crate::runtime::memory;

/// What the process had before a session was made.
pub(super) struct Growth {
    before: Option<u64>,
    most: u64,
    /// What had begun in the process by then, and what began for this network since.
    begun: u64,
    own: u64,
    is_alone: bool,
}

impl Growth {
    /// A session of files of `size` bytes is about to be made.
    pub(super) fn begin(size: u64, config: &RuntimeConfig) -> Self {
        let explained = ALWAYS.saturating_add(size.saturating_mul(EXPLAINED));
        let most = config.session_bytes.unwrap_or(explained);
        let (begun, is_alone) = (BEGUN.load(Ordering::SeqCst), UNDER_WAY.load(Ordering::SeqCst) == 0);
        Self { before: memory::resident(), most, begun, own: 0, is_alone }
    }

    /// The session is made, or runs, as long as what comes back is there.
    pub(super) fn work(&mut self) -> UnderWay {
        self.own += 1;
        UNDER_WAY.fetch_add(1, Ordering::SeqCst);
        BEGUN.fetch_add(1, Ordering::SeqCst);
        UnderWay
    }

    /// Refuses where the process has come to have more than it may.
    pub(super) fn check(&self) -> Result<(), SessionError> {
        let is_alone = self.is_alone && BEGUN.load(Ordering::SeqCst) == self.begun + self.own;
        let grown = self.before.zip(memory::resident()).map_or(0, |(before, now)| now.saturating_sub(before));
        if is_alone && grown > self.most {
            return Err(SessionError::Memory { expected: self.most, got: grown });
        }
        Ok(())
    }
}

/// Whether no network of the process is made or run at the moment.
pub(super) fn is_quiet() -> bool {
    UNDER_WAY.load(Ordering::SeqCst) == 0
}

/// A session that is made, or runs.
pub(super) struct UnderWay;

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
    }
}

static UNDER_WAY: AtomicU64 = AtomicU64::new(0);
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// How many times the bytes of its files a network may need: four-bit weights that become numbers of 32, laid out for the CPU.
pub(super) const EXPLAINED: u64 = 8;
/// What any network may need.
const ALWAYS: u64 = 512 << 20;
