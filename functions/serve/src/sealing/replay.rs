//! Replay detection for sealed calls.
//!
//! Each sealed call has its own encapsulated key, so a call that arrives twice was recorded and replayed. The ledger stores accepted calls
//! for as long as their date is valid, with one conditional write each. A call with an idempotency key has another entry while it runs and
//! while its response is stored. It is written here only when that entry is removed ([`Lease`](amaas_ledger::Lease)).
//!
//! While the ledger is unreachable, each process remembers the calls that it accepted itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use tokio::time::Instant;

use super::date::DATE_WINDOW_SECONDS;
use crate::error::Error;
use crate::error::SealedCallError;
use amaas_ledger::{InsertOutcome, Ledger, LedgerError, LedgerKey, OnceMarker};
use amaas_store::ModelName;
use amaas_wire::Digest;

/// The accepted sealed calls of all processes that share a ledger.
#[derive(Debug)]
pub(crate) struct ReplayGuard {
    ledger: Arc<dyn Ledger>,
    partition: String,
    local: Mutex<LocalReplays>,
}

/// Calls that this process accepted while the ledger was unreachable.
#[derive(Debug, Default)]
struct LocalReplays {
    /// The accepted calls, and when to forget them.
    calls: HashMap<Digest, Instant>,
    /// When to try an unreachable ledger again.
    paused: Option<Instant>,
}

impl ReplayGuard {
    /// The accepted calls of the key set of `name`, in `ledger`.
    pub(crate) fn new(ledger: Arc<dyn Ledger>, name: &ModelName) -> Self {
        Self { ledger, partition: format!("seen/{name}"), local: Mutex::default() }
    }

    /// Remembers the call with `id`, and refuses it if it was accepted before.
    pub(crate) async fn reject_replay(&self, id: &Digest) -> Result<(), Error> {
        if self.is_paused() {
            return self.reject_local_replay(id);
        }
        let OnceMarker { key, ttl } = self.marker(id);
        match self.ledger.insert(&key, Bytes::new(), ttl).await {
            Ok(InsertOutcome::New(_)) => Ok(()),
            Ok(InsertOutcome::Exists(_)) => Err(Error::Sealed(SealedCallError::Replayed)),
            Err(error @ (LedgerError::Unreachable { .. } | LedgerError::Random)) => {
                tracing::error!(%error, "replay ledger unavailable: each process detects replays alone");
                self.lock_local().paused = Some(Instant::now() + LEDGER_RETRY_INTERVAL);
                self.reject_local_replay(id)
            }
            Err(error) => Err(Error::Sealed(SealedCallError::ReplaysUnavailable { internal: error.to_string() })),
        }
    }

    fn reject_local_replay(&self, id: &Digest) -> Result<(), Error> {
        let (now, mut local) = (Instant::now(), self.lock_local());
        if local.calls.len() >= MAX_LOCAL_REPLAYS {
            local.calls.retain(|_, until| *until > now);
        }
        if local.calls.len() >= MAX_LOCAL_REPLAYS {
            let internal = format!("{MAX_LOCAL_REPLAYS} sealed calls were taken while the ledger could not be reached");
            return Err(Error::Sealed(SealedCallError::ReplaysUnavailable { internal }));
        }
        match local.calls.insert(*id, now + REPLAY_TTL) {
            Some(until) if until > now => Err(Error::Sealed(SealedCallError::Replayed)),
            _ => Ok(()),
        }
    }

    fn marker(&self, id: &Digest) -> OnceMarker {
        // Each entry has its own partition, so that no partition becomes hot.
        let partition = format!("{}/{}", self.partition, URL_SAFE_NO_PAD.encode(id.as_bytes()));
        OnceMarker { key: LedgerKey::new(partition, "once"), ttl: REPLAY_TTL }
    }

    fn is_paused(&self) -> bool {
        self.lock_local().paused.is_some_and(|until| Instant::now() < until)
    }

    fn lock_local(&self) -> std::sync::MutexGuard<'_, LocalReplays> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running sealed call, for the idempotency layer.
#[derive(Clone, Debug)]
pub(crate) struct SealedCall {
    pub(crate) replays: Arc<ReplayGuard>,
    /// SHA-256 of its encapsulated key.
    pub(crate) id: Digest,
}

impl SealedCall {
    /// The marker that remembers the call.
    pub(crate) fn marker(&self) -> OnceMarker {
        self.replays.marker(&self.id)
    }

    /// Remembers the call, and refuses it if it was accepted before.
    pub(crate) async fn reject_replay(&self) -> Result<(), Error> {
        self.replays.reject_replay(&self.id).await
    }
}

#[cfg(test)]
impl SealedCall {
    pub(crate) fn in_ledger(ledger: Arc<dyn Ledger>) -> Self {
        let replays = ReplayGuard::new(ledger, &"m".parse().expect("a valid name"));
        Self { replays: Arc::new(replays), id: Digest::of(b"") }
    }

    /// Another call.
    pub(crate) fn other(&self, id: u8) -> Self {
        Self { replays: Arc::clone(&self.replays), id: Digest::of(&[id]) }
    }
}

/// How long a call is remembered: its date can be the window ahead of this clock and behind it, and dates have whole seconds.
const REPLAY_TTL: Duration = Duration::from_secs(2 * DATE_WINDOW_SECONDS + 2);
/// How long an unreachable ledger is not tried again.
const LEDGER_RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// The most calls that a process remembers itself, about 5 MB. Further calls are refused.
const MAX_LOCAL_REPLAYS: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;
    use amaas_ledger::{Clock, MemoryLedger};

    fn replays() -> ReplayGuard {
        let clock = tokio::time::Instant::now();
        ReplayGuard::new(
            Arc::new(MemoryLedger::new(Clock::new(move || clock.elapsed()))),
            &"m".parse().expect("a valid name"),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn each_call_is_taken_once_for_as_long_as_its_date_is() {
        let replays = replays();
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        assert!(replays.reject_replay(&one).await.is_ok());
        assert!(matches!(replays.reject_replay(&one).await, Err(Error::Sealed(SealedCallError::Replayed))));
        assert!(replays.reject_replay(&two).await.is_ok());
        tokio::time::advance(Duration::from_secs(2 * DATE_WINDOW_SECONDS)).await;
        assert!(matches!(replays.reject_replay(&one).await, Err(Error::Sealed(SealedCallError::Replayed))));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_process_remembers_itself_is_bounded() {
        let replays = replays();
        for number in 0..MAX_LOCAL_REPLAYS {
            assert!(replays.reject_local_replay(&Digest::of(&number.to_be_bytes())).is_ok());
        }
        assert!(matches!(
            replays.reject_local_replay(&Digest::of(b"more")),
            Err(Error::Sealed(SealedCallError::ReplaysUnavailable { .. }))
        ));
        tokio::time::advance(REPLAY_TTL).await;
        assert!(replays.reject_local_replay(&Digest::of(b"more")).is_ok(), "the other entries have expired");
        assert!(matches!(
            replays.reject_local_replay(&Digest::of(b"more")),
            Err(Error::Sealed(SealedCallError::Replayed))
        ));
    }
}
