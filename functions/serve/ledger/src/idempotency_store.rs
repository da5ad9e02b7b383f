//! The idempotency store: a call with a key holds a lease while it runs, and its response replaces the lease.
//!
//! A lease expires if its process is gone. A process that is frozen for as long loses its lease, and a repeat may run then.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{BufMut, Bytes, BytesMut};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::entry::{LedgerEntry, LedgerKey, Revision};
use crate::error::{LedgerError, MAX_VALUE_BYTES};
use crate::ledger::{InsertOutcome, Ledger};

/// The digest that names a call, or its fingerprint.
pub(crate) type CallDigest = [u8; 32];

/// Calls with an idempotency key, and their stored responses.
#[derive(Clone, Debug)]
pub struct IdempotencyStore(Arc<dyn Ledger>);

/// The outcome of [`IdempotencyStore::begin`].
#[derive(Debug)]
pub enum BeginOutcome {
    /// The call is the first with its key. No repeat runs until the lease is dropped.
    First(Lease),
    /// The first call is still running.
    Running,
    /// The call was answered before: the stored response.
    Answered(Bytes),
    /// The key was used for another call.
    OtherCall,
    /// The very message was received before, and its response is not stored. It is no repeat: clients seal each attempt afresh.
    Replayed,
}

/// An entry that marks something as done, so that it is done once.
#[derive(Clone, Debug)]
pub struct OnceMarker {
    /// Its name.
    pub key: LedgerKey,
    /// How long the mark is kept.
    pub ttl: Duration,
}

impl IdempotencyStore {
    /// The store in `ledger`.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self(ledger)
    }

    /// Begins the call `id` with this `fingerprint`. With `once`, the very message is accepted once: the call's own entry ensures that
    /// while it runs and while its response is stored, and `once` is written before that entry is removed.
    ///
    /// A process that is killed during a call writes nothing, so a recorded copy of that call can run once more.
    pub async fn begin(
        &self,
        id: CallDigest,
        fingerprint: CallDigest,
        once: Option<OnceMarker>,
    ) -> Result<BeginOutcome, LedgerError> {
        let head = LedgerKey::new(format!("call/{}", URL_SAFE_NO_PAD.encode(id)), "head");
        let lease = StoredState::Running.with(&fingerprint, &[]);
        let entry = match self.0.insert(&head, lease, LEASE_DURATION).await? {
            InsertOutcome::New(revision) => {
                let mut lease = Lease::new(Arc::clone(&self.0), head, revision, fingerprint);
                // Read after the insertion: the holder before has written its mark by then.
                return match &once {
                    Some(once) if self.0.read(&once.key).await?.is_some() => {
                        lease.release().await;
                        Ok(BeginOutcome::Replayed)
                    }
                    _ => {
                        lease.once = once;
                        Ok(BeginOutcome::First(lease))
                    }
                };
            }
            InsertOutcome::Exists(entry) => entry,
        };
        self.found(&head, entry, fingerprint).await
    }

    /// The state of the call `id` with this `fingerprint`, without beginning it.
    pub async fn look(&self, id: CallDigest, fingerprint: CallDigest) -> Result<Option<BeginOutcome>, LedgerError> {
        let head = LedgerKey::new(format!("call/{}", URL_SAFE_NO_PAD.encode(id)), "head");
        match self.0.read(&head).await? {
            Some(entry) => self.found(&head, entry, fingerprint).await.map(Some),
            None => Ok(None),
        }
    }

    /// The state that `entry` holds.
    async fn found(
        &self,
        head: &LedgerKey,
        entry: LedgerEntry,
        fingerprint: CallDigest,
    ) -> Result<BeginOutcome, LedgerError> {
        let mut value = entry.value;
        let other =
            || LedgerError::Format { ledger: "the ledger".to_owned(), cause: "a call of another form".to_owned() };
        let (state, known) = (value.first().copied().ok_or_else(other)?, value.get(1..33).ok_or_else(other)?);
        if known != fingerprint {
            return Ok(BeginOutcome::OtherCall);
        }
        let state = StoredState::from_byte(state).ok_or_else(other)?;
        let rest = value.split_off(33);
        Ok(match state {
            StoredState::Running => BeginOutcome::Running,
            StoredState::Answered => BeginOutcome::Answered(rest),
            // An incomplete response can only be made again, after the head has expired.
            StoredState::Chunked => BeginOutcome::Answered(self.chunks(head, &rest).await?.ok_or_else(other)?),
        })
    }

    /// A response that was too large for one entry.
    async fn chunks(&self, head: &LedgerKey, list: &[u8]) -> Result<Option<Bytes>, LedgerError> {
        let Some((count, writer)) = list.split_first_chunk() else { return Ok(None) };
        let mut whole = BytesMut::new();
        for index in 0..u16::from_be_bytes(*count) {
            let Some(entry) = self.0.read(&chunk(head, writer, index)).await? else { return Ok(None) };
            whole.put(entry.value);
        }
        Ok(Some(whole.freeze()))
    }
}

/// The lease of the first call with its key. Dropping it without a response lets a repeat run.
#[derive(Debug)]
pub struct Lease {
    ledger: Arc<dyn Ledger>,
    head: LedgerKey,
    revision: Revision,
    fingerprint: CallDigest,
    renewal: AbortHandle,
    /// Written before the lease is released.
    once: Option<OnceMarker>,
    /// Whether the lease is still to be released.
    leased: bool,
}

impl Lease {
    fn new(ledger: Arc<dyn Ledger>, head: LedgerKey, revision: Revision, fingerprint: CallDigest) -> Self {
        let (renewing, of) = (Arc::clone(&ledger), head.clone());
        let renewal = tokio::spawn(async move {
            loop {
                sleep(LEASE_DURATION / 3).await;
                match renewing.extend(&of, revision, LEASE_DURATION).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => tracing::warn!(%error, "idempotency lease not renewed"),
                }
            }
        });
        Self { ledger, head, revision, fingerprint, renewal: renewal.abort_handle(), once: None, leased: true }
    }

    /// Stores the response for repeats of the call.
    pub async fn finish(mut self, answer: Bytes) -> Result<(), LedgerError> {
        let value = if answer.len() <= MAX_VALUE_BYTES - HEAD_BYTES {
            StoredState::Answered.with(&self.fingerprint, &answer)
        } else {
            let writer = self.revision.number().to_be_bytes();
            let mut count = 0_u16;
            for part in answer.chunks(MAX_VALUE_BYTES) {
                let key = chunk(&self.head, &writer, count);
                // A little longer than the head, which names the chunks.
                self.ledger.insert(&key, Bytes::copy_from_slice(part), RESPONSE_RETENTION + LEASE_DURATION).await?;
                count += 1;
            }
            StoredState::Chunked.with(&self.fingerprint, &[count.to_be_bytes().as_slice(), &writer].concat())
        };
        // If this process was frozen, another may hold the lease and store a response of its own. Then the mark is written as for a
        // response that is not stored.
        if self.ledger.replace(&self.head, self.revision, value, RESPONSE_RETENTION).await?.is_some() {
            self.leased = false;
        }
        Ok(())
    }

    /// Releases the lease, so that a repeat may run.
    pub async fn release(mut self) {
        self.leased = false;
        self.renewal.abort();
        // In a task of its own, so that it finishes if the client hangs up.
        if let Ok(Err(error)) = tokio::spawn(self.give_back()).await {
            tracing::warn!(%error, "idempotency lease not released");
        }
    }

    /// Releases the lease, in a future that may outlive it.
    fn give_back(&mut self) -> impl Future<Output = Result<(), LedgerError>> + Send + 'static {
        let (ledger, head, revision) = (Arc::clone(&self.ledger), self.head.clone(), self.revision);
        let once = self.once.take();
        async move {
            let written = match once {
                Some(OnceMarker { key, ttl }) => ledger.insert(&key, Bytes::new(), ttl).await.map(drop),
                None => Ok(()),
            };
            ledger.remove(&head, revision).await?;
            written
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
        if !self.leased {
            return;
        }
        // The client hung up. Without a runtime, the lease expires by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(self.give_back());
        }
    }
}

/// The first byte of an entry; the fingerprint of the call follows.
#[derive(Clone, Copy)]
enum StoredState {
    Running = 0,
    /// Then the response follows.
    Answered = 1,
    /// Then the number of chunks follows, and their writer.
    Chunked = 2,
}

impl StoredState {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Running, Self::Answered, Self::Chunked].into_iter().find(|state| *state as u8 == byte)
    }

    fn with(self, fingerprint: &CallDigest, rest: &[u8]) -> Bytes {
        [&[self as u8], fingerprint.as_slice(), rest].concat().into()
    }
}

/// A chunk of a response; `writer` distinguishes runs of the same call.
fn chunk(head: &LedgerKey, writer: &[u8], index: u16) -> LedgerKey {
    LedgerKey::new(head.partition(), format!("piece/{}/{index:05}", URL_SAFE_NO_PAD.encode(writer)))
}

/// How long a response is stored.
const RESPONSE_RETENTION: Duration = Duration::from_hours(24);
/// How long a process that is gone blocks a repeat: longer than a pause of the machine, and shorter than a repeat waits.
const LEASE_DURATION: Duration = Duration::from_secs(15);
const HEAD_BYTES: usize = 33;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::clock::Clock;
    use crate::memory::MemoryLedger;
    use crate::sqlite::SqliteLedger;

    const ID: CallDigest = [1; 32];
    const CALL: CallDigest = [2; 32];
    const OTHER: CallDigest = [3; 32];

    /// Ledgers in memory and in a file, and what turns their time on.
    struct Ledgers {
        all: [Arc<dyn Ledger>; 2],
        time: Arc<Mutex<Duration>>,
        _folder: tempfile::TempDir,
    }

    impl Ledgers {
        async fn new() -> Self {
            let (time, folder) = (Arc::new(Mutex::new(RESPONSE_RETENTION)), tempfile::tempdir().expect("a folder"));
            let hand = Arc::clone(&time);
            let clock = Clock::new(move || *hand.lock().expect("not poisoned"));
            let sqlite = SqliteLedger::open(&folder.path().join("ledger"), clock.clone()).await.expect("opened");
            Self { all: [Arc::new(MemoryLedger::new(clock)), Arc::new(sqlite)], time, _folder: folder }
        }

        fn pass(&self, time: Duration) {
            *self.time.lock().expect("not poisoned") += time;
        }
    }

    async fn begin(calls: &IdempotencyStore, fingerprint: CallDigest) -> BeginOutcome {
        calls.begin(ID, fingerprint, None).await.expect("the ledger can be reached")
    }

    async fn lease(calls: &IdempotencyStore, fingerprint: CallDigest) -> Lease {
        match begin(calls, fingerprint).await {
            BeginOutcome::First(lease) => lease,
            other => panic!("expected the first call, got {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_call_runs_once_and_is_kept_for_a_day() {
        let ledgers = Ledgers::new().await;
        for ledger in &ledgers.all {
            let (calls, elsewhere) =
                (IdempotencyStore::new(Arc::clone(ledger)), IdempotencyStore::new(Arc::clone(ledger)));
            let first = lease(&calls, CALL).await;
            assert!(matches!(begin(&elsewhere, CALL).await, BeginOutcome::Running));
            assert!(matches!(begin(&elsewhere, OTHER).await, BeginOutcome::OtherCall));
            first.finish(Bytes::from_static(b"answer")).await.expect("kept");
            assert!(matches!(begin(&elsewhere, CALL).await, BeginOutcome::Answered(answer) if answer == "answer"));
            assert!(matches!(begin(&elsewhere, OTHER).await, BeginOutcome::OtherCall));
            ledgers.pass(RESPONSE_RETENTION);
            lease(&elsewhere, OTHER).await.release().await;
        }
    }

    #[tokio::test]
    async fn answers_of_any_size_come_back() {
        let ledgers = Ledgers::new().await;
        for ledger in &ledgers.all {
            let calls = IdempotencyStore::new(Arc::clone(ledger));
            for size in [
                0,
                MAX_VALUE_BYTES - HEAD_BYTES,
                MAX_VALUE_BYTES - HEAD_BYTES + 1,
                MAX_VALUE_BYTES,
                MAX_VALUE_BYTES * 3 + 7,
            ] {
                let answer: Bytes = (0..=250).cycle().take(size).collect::<Vec<u8>>().into();
                lease(&calls, CALL).await.finish(answer.clone()).await.expect("kept");
                assert!(matches!(begin(&calls, CALL).await, BeginOutcome::Answered(kept) if kept == answer), "{size}");
                ledgers.pass(RESPONSE_RETENTION);
            }
        }
    }

    #[tokio::test]
    async fn who_leaves_without_an_answer_lets_the_next_one_run() {
        let ledgers = Ledgers::new().await;
        for ledger in &ledgers.all {
            let calls = IdempotencyStore::new(Arc::clone(ledger));
            lease(&calls, CALL).await.release().await;
            drop(lease(&calls, OTHER).await);
            // That one is given back in a task of its own.
            while !matches!(begin(&calls, CALL).await, BeginOutcome::First(_)) {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }

    #[tokio::test]
    async fn a_message_runs_once_whatever_becomes_of_it() {
        let ledgers = Ledgers::new().await;
        for ledger in &ledgers.all {
            let calls = IdempotencyStore::new(Arc::clone(ledger));
            let message = |name: &str| OnceMarker {
                key: LedgerKey::new(format!("seen/{name}"), "once"),
                ttl: RESPONSE_RETENTION,
            };
            let begin = async |name: &str| calls.begin(ID, CALL, Some(message(name))).await.expect("reached");
            // One whose answer is not kept, one whose caller went away, and their repeats, which are sealed anew.
            let BeginOutcome::First(lease) = begin("a").await else { panic!("there is no other call") };
            assert!(matches!(begin("a").await, BeginOutcome::Running));
            lease.release().await;
            assert!(matches!(begin("a").await, BeginOutcome::Replayed));
            assert!(matches!(begin("a").await, BeginOutcome::Replayed), "and the place is free for others");
            let BeginOutcome::First(lease) = begin("b").await else { panic!("a repeat runs") };
            drop(lease);
            while !matches!(begin("b").await, BeginOutcome::Replayed) {
                sleep(Duration::from_millis(1)).await;
            }
            for name in ["a", "b"] {
                assert!(matches!(begin(name).await, BeginOutcome::Replayed), "{name}");
            }
            // One whose answer is kept is answered with it, and nothing more is written.
            let BeginOutcome::First(lease) = begin("c").await else { panic!("a repeat runs") };
            lease.finish(Bytes::from_static(b"answer")).await.expect("kept");
            assert!(matches!(begin("c").await, BeginOutcome::Answered(answer) if answer == "answer"));
            assert!(ledger.read(&message("c").key).await.expect("reached").is_none());
        }
    }

    #[tokio::test]
    async fn a_lease_ends_and_who_lost_it_does_not_have_its_way() {
        let ledgers = Ledgers::new().await;
        for ledger in &ledgers.all {
            let calls = IdempotencyStore::new(Arc::clone(ledger));
            let frozen = lease(&calls, CALL).await;
            ledgers.pass(LEASE_DURATION);
            let second = lease(&calls, CALL).await;
            frozen.finish(Bytes::from_static(b"late")).await.expect("the ledger can be reached");
            assert!(matches!(begin(&calls, CALL).await, BeginOutcome::Running));
            second.finish(Bytes::from_static(b"second")).await.expect("kept");
            assert!(matches!(begin(&calls, CALL).await, BeginOutcome::Answered(answer) if answer == "second"));
            ledgers.pass(RESPONSE_RETENTION);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_renewed_while_the_call_runs() {
        let time = tokio::time::Instant::now();
        let calls = IdempotencyStore::new(Arc::new(MemoryLedger::new(Clock::new(move || time.elapsed()))));
        let first = lease(&calls, CALL).await;
        for _ in 0..100 {
            sleep(LEASE_DURATION / 4).await;
            assert!(matches!(begin(&calls, CALL).await, BeginOutcome::Running));
        }
        drop(first);
        sleep(Duration::from_millis(1)).await;
        assert!(matches!(begin(&calls, CALL).await, BeginOutcome::First(_)));
    }
}
