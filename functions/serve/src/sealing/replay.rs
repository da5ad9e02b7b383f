//! Sealed calls that come a second time.
//!
//! Each sealed call has an encapsulated key of its own, however often the same is asked, so one that comes twice was
//! recorded and sent again. Those that were taken are remembered in the ledger for as long as their date could be taken: by one
//! conditional write each, except for a call with an idempotency key. Such a call has an entry of its own while it runs and once its
//! answer is kept, so it is written here only when that entry goes ([`Lease`](amaas_ledger::Place)).
//!
//! While the ledger cannot be reached, each process remembers what it took itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use tokio::time::Instant;

use super::date::WINDOW;
use crate::error::Error;
use crate::error::SealedCallError;
use amaas_ledger::{InsertOutcome, Ledger, LedgerError, LedgerKey, OnceMarker};
use amaas_store::ModelName;
use amaas_wire::Digest;

/// The sealed calls that were taken by all processes that share a ledger.
#[derive(Debug)]
pub(crate) struct ReplayGuard {
    ledger: Arc<dyn Ledger>,
    partition: String,
    own: Mutex<LocalReplays>,
}

/// What this process remembers itself, while the ledger cannot be reached.
#[derive(Debug, Default)]
struct LocalReplays {
    /// Until when each is remembered.
    calls: HashMap<Digest, Instant>,
    /// Until when a ledger that did not answer is left alone.
    paused: Option<Instant>,
}

impl ReplayGuard {
    /// Those of the key set of `name`, in `ledger`.
    pub(crate) fn new(ledger: Arc<dyn Ledger>, name: &ModelName) -> Self {
        Self { ledger, partition: format!("seen/{name}"), own: Mutex::default() }
    }

    /// Remembers the call with `id`, and refuses it where it was taken before.
    pub(crate) async fn first(&self, id: &Digest) -> Result<(), Error> {
        if self.is_paused() {
            return self.first_here(id);
        }
        let OnceMarker { key, ttl } = self.once(id);
        match self.ledger.insert(&key, Bytes::new(), ttl).await {
            Ok(InsertOutcome::New(_)) => Ok(()),
            Ok(InsertOutcome::Exists(_)) => Err(Error::Sealed(SealedCallError::Replayed)),
            Err(error @ (LedgerError::Unreachable { .. } | LedgerError::Random)) => {
                tracing::error!(%error, "replays of sealed calls are recognised by each process alone");
                self.own().paused = Some(Instant::now() + PAUSE);
                self.first_here(id)
            }
            Err(error) => Err(Error::Sealed(SealedCallError::ReplaysUnavailable { internal: error.to_string() })),
        }
    }

    fn first_here(&self, id: &Digest) -> Result<(), Error> {
        let (now, mut own) = (Instant::now(), self.own());
        if own.calls.len() >= LARGEST {
            own.calls.retain(|_, until| *until > now);
        }
        if own.calls.len() >= LARGEST {
            let internal = format!("{LARGEST} sealed calls were taken while the ledger could not be reached");
            return Err(Error::Sealed(SealedCallError::ReplaysUnavailable { internal }));
        }
        match own.calls.insert(*id, now + TTL) {
            Some(until) if until > now => Err(Error::Sealed(SealedCallError::Replayed)),
            _ => Ok(()),
        }
    }

    fn once(&self, id: &Digest) -> OnceMarker {
        // An entry of its own partition, so that none is asked for more than another.
        let partition = format!("{}/{}", self.partition, URL_SAFE_NO_PAD.encode(id.as_bytes()));
        OnceMarker { key: LedgerKey::new(partition, "once"), ttl: TTL }
    }

    fn is_paused(&self) -> bool {
        self.own().paused.is_some_and(|until| Instant::now() < until)
    }

    fn own(&self) -> std::sync::MutexGuard<'_, LocalReplays> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sealed call that is under way, for the layer that runs a call with an idempotency key once.
#[derive(Clone, Debug)]
pub(crate) struct SealedCall {
    pub(crate) replays: Arc<ReplayGuard>,
    /// SHA-256 of its encapsulated key.
    pub(crate) id: Digest,
}

impl SealedCall {
    /// Where it is remembered.
    pub(crate) fn once(&self) -> OnceMarker {
        self.replays.once(&self.id)
    }

    /// Remembers it, and refuses it where it was taken before.
    pub(crate) async fn first(&self) -> Result<(), Error> {
        self.replays.first(&self.id).await
    }
}

#[cfg(test)]
impl SealedCall {
    pub(crate) fn in_ledger(ledger: Arc<dyn Ledger>) -> Self {
        let replays = ReplayGuard::new(ledger, &"m".parse().expect("a name"));
        Self { replays: Arc::new(replays), id: Digest::of(b"") }
    }

    /// Another one.
    pub(crate) fn other(&self, id: u8) -> Self {
        Self { replays: Arc::clone(&self.replays), id: Digest::of(&[id]) }
    }
}

/// How long a call is remembered: its date can be as far ahead of this clock as behind it, and clocks have whole seconds.
const TTL: Duration = Duration::from_secs(2 * WINDOW + 2);
/// How long a ledger that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(2);
/// How many calls a process remembers itself: some 5 MB. More of them are refused.
const LARGEST: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;
    use amaas_ledger::{Clock, MemoryLedger};

    fn replays() -> ReplayGuard {
        let clock = tokio::time::Instant::now();
        ReplayGuard::new(
            Arc::new(MemoryLedger::new(Clock::new(move || clock.elapsed()))),
            &"m".parse().expect("a name"),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn each_call_is_taken_once_for_as_long_as_its_date_is() {
        let replays = replays();
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        assert!(replays.first(&one).await.is_ok());
        assert!(matches!(replays.first(&one).await, Err(Error::Sealed(SealedCallError::Replayed))));
        assert!(replays.first(&two).await.is_ok());
        tokio::time::advance(Duration::from_secs(2 * WINDOW)).await;
        assert!(matches!(replays.first(&one).await, Err(Error::Sealed(SealedCallError::Replayed))));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_process_remembers_itself_is_bounded() {
        let replays = replays();
        for number in 0..LARGEST {
            assert!(replays.first_here(&Digest::of(&number.to_be_bytes())).is_ok());
        }
        assert!(matches!(
            replays.first_here(&Digest::of(b"more")),
            Err(Error::Sealed(SealedCallError::ReplaysUnavailable { .. }))
        ));
        tokio::time::advance(TTL).await;
        assert!(replays.first_here(&Digest::of(b"more")).is_ok(), "the others are of another time");
        assert!(matches!(replays.first_here(&Digest::of(b"more")), Err(Error::Sealed(SealedCallError::Replayed))));
    }
}
