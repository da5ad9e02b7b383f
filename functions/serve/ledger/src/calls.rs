//! Calls that run once: the first has a lease while it runs, then its answer stands in the lease's place.
//!
//! A lease ends by itself where the process that had it is gone; one that is frozen for as long loses it, and another may run then.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{BufMut, Bytes, BytesMut};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::entry::{Entry, Key, Revision};
use crate::error::{LedgerError, VALUE_BYTES};
use crate::ledger::{Inserted, Ledger};

/// Names a call, or tells what it is: a digest.
pub(crate) type Id = [u8; 32];

/// Calls and the answers that are kept of them.
#[derive(Clone, Debug)]
pub struct Calls(Arc<dyn Ledger>);

/// How a call with an idempotency key begins.
#[derive(Debug)]
pub enum Begun {
    /// It is the first: it has the place until the place is dropped, and nobody else runs meanwhile.
    First(Place),
    /// Another is under way.
    Running,
    /// It was answered before.
    Answered(Bytes),
    /// The key was used for another call.
    OtherCall,
    /// It ran before, and nothing is kept of its answer; it is not a repeat of its caller's, which is sealed anew.
    Replayed,
}

/// An entry that says that something was done, which is done once.
#[derive(Clone, Debug)]
pub struct Once {
    /// Its name.
    pub key: Key,
    /// How long it is kept.
    pub lives: Duration,
}

impl Calls {
    /// The calls in `ledger`.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self(ledger)
    }

    /// Begins the call `id`, which is what `fingerprint` says. With `once` the very message is taken once: the call's own entry sees to
    /// that while it runs and while its answer is kept, and `once` is written before that entry goes.
    ///
    /// A process that is killed in the middle of a call writes nothing, so a recording of that call can run in its place.
    pub async fn begin(&self, id: Id, fingerprint: Id, once: Option<Once>) -> Result<Begun, LedgerError> {
        let head = Key::new(format!("call/{}", URL_SAFE_NO_PAD.encode(id)), "head");
        let lease = State::Running.with(&fingerprint, &[]);
        let entry = match self.0.insert(&head, lease, LEASE).await? {
            Inserted::New(revision) => {
                let mut place = Place::new(Arc::clone(&self.0), head, revision, fingerprint);
                // Looked at behind the insertion: what had the place before has written its own by then.
                return match &once {
                    Some(once) if self.0.read(&once.key).await?.is_some() => {
                        place.leave().await;
                        Ok(Begun::Replayed)
                    }
                    _ => {
                        place.once = once;
                        Ok(Begun::First(place))
                    }
                };
            }
            Inserted::Exists(entry) => entry,
        };
        self.found(&head, entry, fingerprint).await
    }

    /// What is known of the call `id`, which is what `fingerprint` says, where anything is.
    pub async fn look(&self, id: Id, fingerprint: Id) -> Result<Option<Begun>, LedgerError> {
        let head = Key::new(format!("call/{}", URL_SAFE_NO_PAD.encode(id)), "head");
        match self.0.read(&head).await? {
            Some(entry) => self.found(&head, entry, fingerprint).await.map(Some),
            None => Ok(None),
        }
    }

    /// What `entry` says of the call that it is of.
    async fn found(&self, head: &Key, entry: Entry, fingerprint: Id) -> Result<Begun, LedgerError> {
        let mut value = entry.value;
        let other =
            || LedgerError::Format { ledger: "the ledger".to_owned(), cause: "a call of another form".to_owned() };
        let (state, known) = (value.first().copied().ok_or_else(other)?, value.get(1..33).ok_or_else(other)?);
        if known != fingerprint {
            return Ok(Begun::OtherCall);
        }
        let state = State::from_byte(state).ok_or_else(other)?;
        let rest = value.split_off(33);
        Ok(match state {
            State::Running => Begun::Running,
            State::Answered => Begun::Answered(rest),
            // What is not whole any more can only run again, once the head has ended.
            State::InPieces => Begun::Answered(self.pieces(head, &rest).await?.ok_or_else(other)?),
        })
    }

    /// The answer that was too large for one entry.
    async fn pieces(&self, head: &Key, list: &[u8]) -> Result<Option<Bytes>, LedgerError> {
        let Some((count, writer)) = list.split_first_chunk() else { return Ok(None) };
        let mut whole = BytesMut::new();
        for index in 0..u16::from_be_bytes(*count) {
            let Some(entry) = self.0.read(&piece(head, writer, index)).await? else { return Ok(None) };
            whole.put(entry.value);
        }
        Ok(Some(whole.freeze()))
    }
}

/// The place of the first call with its key. Dropped without an answer, it lets the next one run.
#[derive(Debug)]
pub struct Place {
    ledger: Arc<dyn Ledger>,
    head: Key,
    revision: Revision,
    fingerprint: Id,
    renewal: AbortHandle,
    /// What is written before the place is given back.
    once: Option<Once>,
    /// Whether there is a lease to give back.
    leased: bool,
}

impl Place {
    fn new(ledger: Arc<dyn Ledger>, head: Key, revision: Revision, fingerprint: Id) -> Self {
        let (renewing, of) = (Arc::clone(&ledger), head.clone());
        let renewal = tokio::spawn(async move {
            loop {
                sleep(LEASE / 3).await;
                match renewing.extend(&of, revision, LEASE).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => tracing::warn!(%error, "a lease could not be renewed"),
                }
            }
        });
        Self { ledger, head, revision, fingerprint, renewal: renewal.abort_handle(), once: None, leased: true }
    }

    /// Keeps the answer for those who repeat the call.
    pub async fn finish(mut self, answer: Bytes) -> Result<(), LedgerError> {
        let value = if answer.len() <= VALUE_BYTES - HEAD_BYTES {
            State::Answered.with(&self.fingerprint, &answer)
        } else {
            let writer = self.revision.number().to_be_bytes();
            let mut count = 0_u16;
            for part in answer.chunks(VALUE_BYTES) {
                let key = piece(&self.head, &writer, count);
                // A little longer than the head, which names them.
                self.ledger.insert(&key, Bytes::copy_from_slice(part), KEPT + LEASE).await?;
                count += 1;
            }
            State::InPieces.with(&self.fingerprint, &[count.to_be_bytes().as_slice(), &writer].concat())
        };
        // Whoever took the lease meanwhile, because this process was frozen, has its own answer.
        // Then what is to be known of this message is written as for an answer that is not kept.
        if self.ledger.replace(&self.head, self.revision, value, KEPT).await?.is_some() {
            self.leased = false;
        }
        Ok(())
    }

    /// Lets the next one run.
    pub async fn leave(mut self) {
        self.leased = false;
        self.renewal.abort();
        // In a task of its own: a caller who goes away meanwhile takes nothing of it along.
        if let Ok(Err(error)) = tokio::spawn(self.give_back()).await {
            tracing::warn!(%error, "a lease could not be given back");
        }
    }

    /// Gives the lease back, in a future that may outlive the place.
    fn give_back(&mut self) -> impl Future<Output = Result<(), LedgerError>> + Send + 'static {
        let (ledger, head, revision) = (Arc::clone(&self.ledger), self.head.clone(), self.revision);
        let once = self.once.take();
        async move {
            let written = match once {
                Some(Once { key, lives }) => ledger.insert(&key, Bytes::new(), lives).await.map(drop),
                None => Ok(()),
            };
            ledger.remove(&head, revision).await?;
            written
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.renewal.abort();
        if !self.leased {
            return;
        }
        // The caller went away. Where nothing runs any more, the lease ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(self.give_back());
        }
    }
}

/// What stands in the first byte of an entry; the digest of the call follows.
#[derive(Clone, Copy)]
enum State {
    Running = 0,
    /// Then the answer follows.
    Answered = 1,
    /// Then the number of pieces follows, and whose they are.
    InPieces = 2,
}

impl State {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Running, Self::Answered, Self::InPieces].into_iter().find(|state| *state as u8 == byte)
    }

    fn with(self, fingerprint: &Id, rest: &[u8]) -> Bytes {
        [&[self as u8], fingerprint.as_slice(), rest].concat().into()
    }
}

/// A piece of an answer; `writer` tells it from those of another run of the same call.
fn piece(head: &Key, writer: &[u8], index: u16) -> Key {
    Key::new(head.partition(), format!("piece/{}/{index:05}", URL_SAFE_NO_PAD.encode(writer)))
}

/// How long an answer is kept.
const KEPT: Duration = Duration::from_hours(24);
/// How long a process that is gone keeps the next one from running: longer than a pause of the machine, and shorter than a repeat
/// waits.
const LEASE: Duration = Duration::from_secs(15);
const HEAD_BYTES: usize = 33;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::clock::Clock;
    use crate::memory::Memory;
    use crate::sqlite::Sqlite;

    const ID: Id = [1; 32];
    const CALL: Id = [2; 32];
    const OTHER: Id = [3; 32];

    /// Ledgers in memory and in a file, and what turns their time on.
    struct Ledgers {
        all: [Arc<dyn Ledger>; 2],
        time: Arc<Mutex<Duration>>,
        _folder: tempfile::TempDir,
    }

    impl Ledgers {
        async fn new() -> Self {
            let (time, folder) = (Arc::new(Mutex::new(KEPT)), tempfile::tempdir().expect("a folder"));
            let hand = Arc::clone(&time);
            let clock = Clock::new(move || *hand.lock().expect("not poisoned"));
            let sqlite = Sqlite::open(&folder.path().join("ledger"), clock.clone()).await.expect("opened");
            Self { all: [Arc::new(Memory::new(clock)), Arc::new(sqlite)], time, _folder: folder }
        }

        fn pass(&self, time: Duration) {
            *self.time.lock().expect("not poisoned") += time;
        }
    }

    async fn begin(calls: &Calls, fingerprint: Id) -> Begun {
        calls.begin(ID, fingerprint, None).await.expect("the ledger can be reached")
    }

    async fn place(calls: &Calls, fingerprint: Id) -> Place {
        match begin(calls, fingerprint).await {
            Begun::First(place) => place,
            other => panic!("nobody else is there, but {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_call_runs_once_and_is_kept_for_a_day() {
        let ledgers = Ledgers::new().await;
        for ledger in &ledgers.all {
            let (calls, elsewhere) = (Calls::new(Arc::clone(ledger)), Calls::new(Arc::clone(ledger)));
            let first = place(&calls, CALL).await;
            assert!(matches!(begin(&elsewhere, CALL).await, Begun::Running));
            assert!(matches!(begin(&elsewhere, OTHER).await, Begun::OtherCall));
            first.finish(Bytes::from_static(b"answer")).await.expect("kept");
            assert!(matches!(begin(&elsewhere, CALL).await, Begun::Answered(answer) if answer == "answer"));
            assert!(matches!(begin(&elsewhere, OTHER).await, Begun::OtherCall));
            ledgers.pass(KEPT);
            place(&elsewhere, OTHER).await.leave().await;
        }
    }

    #[tokio::test]
    async fn answers_of_any_size_come_back() {
        let ledgers = Ledgers::new().await;
        for ledger in &ledgers.all {
            let calls = Calls::new(Arc::clone(ledger));
            for size in [0, VALUE_BYTES - HEAD_BYTES, VALUE_BYTES - HEAD_BYTES + 1, VALUE_BYTES, VALUE_BYTES * 3 + 7] {
                let answer: Bytes = (0..=250).cycle().take(size).collect::<Vec<u8>>().into();
                place(&calls, CALL).await.finish(answer.clone()).await.expect("kept");
                assert!(matches!(begin(&calls, CALL).await, Begun::Answered(kept) if kept == answer), "{size}");
                ledgers.pass(KEPT);
            }
        }
    }

    #[tokio::test]
    async fn who_leaves_without_an_answer_lets_the_next_one_run() {
        let ledgers = Ledgers::new().await;
        for ledger in &ledgers.all {
            let calls = Calls::new(Arc::clone(ledger));
            place(&calls, CALL).await.leave().await;
            drop(place(&calls, OTHER).await);
            // That one is given back in a task of its own.
            while !matches!(begin(&calls, CALL).await, Begun::First(_)) {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }

    #[tokio::test]
    async fn a_message_runs_once_whatever_becomes_of_it() {
        let ledgers = Ledgers::new().await;
        for ledger in &ledgers.all {
            let calls = Calls::new(Arc::clone(ledger));
            let message = |name: &str| Once { key: Key::new(format!("seen/{name}"), "once"), lives: KEPT };
            let begin = async |name: &str| calls.begin(ID, CALL, Some(message(name))).await.expect("reached");
            // One whose answer is not kept, one whose caller went away, and their repeats, which are sealed anew.
            let Begun::First(place) = begin("a").await else { panic!("nobody else is there") };
            assert!(matches!(begin("a").await, Begun::Running));
            place.leave().await;
            assert!(matches!(begin("a").await, Begun::Replayed));
            assert!(matches!(begin("a").await, Begun::Replayed), "and the place is free for others");
            let Begun::First(place) = begin("b").await else { panic!("a repeat runs") };
            drop(place);
            while !matches!(begin("b").await, Begun::Replayed) {
                sleep(Duration::from_millis(1)).await;
            }
            for name in ["a", "b"] {
                assert!(matches!(begin(name).await, Begun::Replayed), "{name}");
            }
            // One whose answer is kept is answered with it, and nothing more is written.
            let Begun::First(place) = begin("c").await else { panic!("a repeat runs") };
            place.finish(Bytes::from_static(b"answer")).await.expect("kept");
            assert!(matches!(begin("c").await, Begun::Answered(answer) if answer == "answer"));
            assert!(ledger.read(&message("c").key).await.expect("reached").is_none());
        }
    }

    #[tokio::test]
    async fn a_lease_ends_and_who_lost_it_does_not_have_its_way() {
        let ledgers = Ledgers::new().await;
        for ledger in &ledgers.all {
            let calls = Calls::new(Arc::clone(ledger));
            let frozen = place(&calls, CALL).await;
            ledgers.pass(LEASE);
            let second = place(&calls, CALL).await;
            frozen.finish(Bytes::from_static(b"late")).await.expect("the ledger can be reached");
            assert!(matches!(begin(&calls, CALL).await, Begun::Running));
            second.finish(Bytes::from_static(b"second")).await.expect("kept");
            assert!(matches!(begin(&calls, CALL).await, Begun::Answered(answer) if answer == "second"));
            ledgers.pass(KEPT);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_renewed_while_the_call_runs() {
        let time = tokio::time::Instant::now();
        let calls = Calls::new(Arc::new(Memory::new(Clock::new(move || time.elapsed()))));
        let first = place(&calls, CALL).await;
        for _ in 0..100 {
            sleep(LEASE / 4).await;
            assert!(matches!(begin(&calls, CALL).await, Begun::Running));
        }
        drop(first);
        sleep(Duration::from_millis(1)).await;
        assert!(matches!(begin(&calls, CALL).await, Begun::First(_)));
    }
}
