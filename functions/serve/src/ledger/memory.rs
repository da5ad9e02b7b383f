//! The ledger in the memory of this process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Begun, KEPT};

/// Names a call: a digest.
pub(crate) type Id = [u8; 32];

/// Answers, bounded in bytes: the oldest go first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    calls: HashMap<Id, Call>,
    /// What was answered, oldest first.
    answered: VecDeque<(Id, Instant)>,
    bytes: usize,
}

#[derive(Debug)]
struct Call {
    fingerprint: Id,
    state: State,
}

#[derive(Debug)]
enum State {
    Running(watch::Receiver<()>),
    Answered(Bytes),
}

impl Memory {
    /// Begins the call `id`, which is what `fingerprint` says.
    pub(crate) fn begin(&self, id: Id, fingerprint: Id) -> Begun {
        let mut kept = self.lock();
        kept.forget(0);
        match kept.calls.get(&id) {
            Some(call) if call.fingerprint != fingerprint => Begun::OtherCall,
            Some(Call { state: State::Running(ended), .. }) => Begun::Running(ended.clone()),
            Some(Call { state: State::Answered(answer), .. }) => Begun::Answered(answer.clone()),
            None => {
                let (ends, ended) = watch::channel(());
                kept.calls.insert(id, Call { fingerprint, state: State::Running(ended) });
                Begun::First(Place { ledger: self.clone(), id, _ends: ends })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Lets go of what is too old, and of the oldest until there is room for `more` bytes.
    fn forget(&mut self, more: usize) {
        while let Some((id, expires)) = self.answered.front().copied() {
            if expires > Instant::now() && self.bytes + more <= MOST_BYTES {
                return;
            }
            self.answered.pop_front();
            if let Some(Call { state: State::Answered(answer), .. }) = self.calls.remove(&id) {
                self.bytes = self.bytes.saturating_sub(answer.len() + OVERHEAD);
            }
        }
    }
}

/// The place of the first call with its key. Dropped without an answer, it lets the next one run.
#[derive(Debug)]
pub(crate) struct Place {
    ledger: Memory,
    id: Id,
    /// Told to those who wait, by being dropped.
    _ends: watch::Sender<()>,
}

impl Place {
    /// Keeps the answer for those who repeat the call.
    pub(crate) fn finish(self, answer: Bytes) {
        let mut kept = self.ledger.lock();
        kept.forget(answer.len() + OVERHEAD);
        kept.bytes += answer.len() + OVERHEAD;
        kept.answered.push_back((self.id, Instant::now() + KEPT));
        if let Some(call) = kept.calls.get_mut(&self.id) {
            call.state = State::Answered(answer);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut kept = self.ledger.lock();
        if matches!(kept.calls.get(&self.id), Some(Call { state: State::Running(_), .. })) {
            kept.calls.remove(&self.id);
        }
    }
}

/// Answers of all callers together; a prediction has some hundred bytes.
const MOST_BYTES: usize = 64 << 20;
/// What an entry takes beside its answer, about.
const OVERHEAD: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = [1; 32];

    #[tokio::test(start_paused = true)]
    async fn a_call_runs_once_and_is_kept_for_a_day() {
        let ledger = Memory::default();
        let Begun::First(place) = ledger.begin(ID, [1; 32]) else { panic!("nobody else is there") };
        let Begun::Running(mut ended) = ledger.begin(ID, [1; 32]) else { panic!("it runs") };
        assert!(matches!(ledger.begin(ID, [2; 32]), Begun::OtherCall));
        place.finish(Bytes::from_static(b"answer"));
        assert!(ended.changed().await.is_err(), "the place is gone");
        assert!(matches!(ledger.begin(ID, [1; 32]), Begun::Answered(answer) if answer == "answer"));
        assert!(matches!(ledger.begin(ID, [2; 32]), Begun::OtherCall));
        tokio::time::advance(KEPT).await;
        assert!(matches!(ledger.begin(ID, [2; 32]), Begun::First(_)));
        assert_eq!(ledger.lock().bytes, 0);
    }

    #[test]
    fn who_leaves_without_an_answer_lets_the_next_one_run() {
        let ledger = Memory::default();
        let first = ledger.begin(ID, [1; 32]);
        assert!(matches!(first, Begun::First(_)));
        drop(first);
        assert!(matches!(ledger.begin(ID, [2; 32]), Begun::First(_)));
    }

    #[test]
    fn the_oldest_make_room() {
        let ledger = Memory::default();
        let large = Bytes::from(vec![0; MOST_BYTES / 4]);
        for id in 0..8 {
            let Begun::First(place) = ledger.begin([id; 32], [0; 32]) else { panic!("it is new") };
            place.finish(large.clone());
            assert!(ledger.lock().bytes <= MOST_BYTES);
        }
        assert!(matches!(ledger.begin([0; 32], [0; 32]), Begun::First(_)));
        assert!(matches!(ledger.begin([7; 32], [0; 32]), Begun::Answered(_)));
    }
}
