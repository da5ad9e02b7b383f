//! The issuer's keys as they are kept, and when they are fetched again.
//!
//! Invariants: there is one fetch at a time, in a task of its own, so that nobody who goes away ends it for the others; tokens with
//! keys that nobody knows cause one fetch in [`FLOOR`], however many come; and keys that are known go on working for [`GRACE`] while
//! the issuer cannot be reached.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::TokenError;
use super::keys::{KeySet, Match};

/// Keys that are fetched again as they age.
pub(super) struct Jwks {
    inner: Arc<Inner>,
}

impl Jwks {
    /// Keys as `fetch` gives them; nothing is fetched yet.
    pub(super) fn new<F>(fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<KeySet, String>> + Send + 'static,
    {
        let fetch = Box::new(move || fetch().boxed());
        Self { inner: Arc::new(Inner { fetch, state: watch::Sender::default() }) }
    }

    /// The key of a token that names `id` and `algorithm`.
    pub(super) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, TokenError> {
        let came = Instant::now();
        let mut keys = self.keys().await?;
        if matches!(keys.find(id, algorithm), Match::Missing) {
            // The issuer may have taken a new one since. Whether it could be asked or not, what is known now counts.
            let _ = timeout(UNKNOWN_WAITS, self.fetched_since(came, Need::AnotherKey)).await;
            keys = Arc::clone(&self.inner.state.borrow().keys);
        }
        match keys.find(id, algorithm) {
            Match::Key(key) => Ok(key.clone()),
            Match::Unfit => Err(TokenError::Algorithm),
            Match::Missing => Err(TokenError::UnknownKey),
        }
    }

    /// The keys, no older than [`FRESH`] where the issuer can be reached, and than [`GRACE`] in any case.
    pub(super) async fn keys(&self) -> Result<Arc<KeySet>, TokenError> {
        let came = Instant::now();
        let before = |age| came.checked_sub(age).unwrap_or(came);
        let (age, patience) = {
            let state = self.inner.state.borrow();
            (state.age(came), state.patience(came))
        };
        let unavailable = |internal| TokenError::Unavailable { internal };
        if age > GRACE {
            let fetched = timeout(UNKNOWN_WAITS, self.fetched_since(before(FRESH), Need::Keys)).await;
            fetched.unwrap_or_else(|_| Err(format!("not fetched within {UNKNOWN_WAITS:?}"))).map_err(unavailable)?;
        } else if age > FRESH {
            let _ = timeout_at(patience, self.fetched_since(before(FRESH), Need::Keys)).await;
        } else if age > AHEAD {
            self.turn(before(AHEAD), Need::Keys);
        }
        Ok(Arc::clone(&self.inner.state.borrow().keys))
    }

    /// Forgets the keys, as if they had never been fetched.
    pub(super) fn forget(&self) {
        self.inner.state.send_modify(|state| *state = State { fetching: state.fetching, ..State::default() });
    }

    /// Done when the keys are those of a fetch that began at `oldest` or later, or will not be for now.
    async fn fetched_since(&self, oldest: Instant, need: Need) -> Result<(), String> {
        let mut state = self.inner.state.subscribe();
        loop {
            match self.turn(oldest, need) {
                Turn::Done => return Ok(()),
                Turn::NotNow(cause) => return Err(cause),
                // The sender cannot be dropped meanwhile: `self` has it.
                Turn::Fetching => drop(state.changed().await),
            }
        }
    }

    /// What there is to do for keys of a fetch that began at `oldest` or later; begins that fetch where it may.
    fn turn(&self, oldest: Instant, need: Need) -> Turn {
        let mut turn = Turn::Done;
        self.inner.state.send_if_modified(|state| {
            turn = state.turn(oldest, need);
            if matches!(turn, Turn::Fetching) && !state.fetching {
                state.fetching = true;
                state.begun = Some(Instant::now());
                tokio::spawn(Arc::clone(&self.inner).fetch());
            }
            // Whoever waits, waits for the end of a fetch.
            false
        });
        turn
    }
}

struct Inner {
    fetch: Box<dyn Fn() -> BoxFuture<'static, Result<KeySet, String>> + Send + Sync>,
    state: watch::Sender<State>,
}

impl Inner {
    async fn fetch(self: Arc<Self>) {
        let fetched = timeout(LONGEST, (self.fetch)()).await;
        let fetched = fetched.unwrap_or_else(|_| Err(format!("not fetched within {LONGEST:?}")));
        match &fetched {
            Ok(keys) => tracing::debug!(keys = keys.len(), "the issuer's keys were fetched"),
            Err(error) => tracing::warn!(error, "the issuer's keys could not be fetched"),
        }
        self.state.send_modify(|state| state.end(fetched));
    }
}

#[derive(Default)]
struct State {
    keys: Arc<KeySet>,
    /// When the fetch that gave `keys` began.
    as_of: Option<Instant>,
    /// When the last fetch began.
    begun: Option<Instant>,
    fetching: bool,
    /// Why the last fetches failed, one after another: how many, and the last one's cause.
    failed: Option<(u32, String)>,
}

impl State {
    fn turn(&self, oldest: Instant, need: Need) -> Turn {
        if self.as_of.is_some_and(|as_of| as_of >= oldest) {
            return Turn::Done;
        }
        let (times, cause) = self.failed.as_ref().map_or((0, ""), |(times, cause)| (*times, cause));
        let pause = match need {
            Need::Keys => pause(times),
            Need::AnotherKey => FLOOR,
        };
        match self.begun {
            Some(begun) if !self.fetching && begun.elapsed() < pause => Turn::NotNow(cause.to_owned()),
            _ => Turn::Fetching,
        }
    }

    fn age(&self, now: Instant) -> Duration {
        self.as_of.map_or(Duration::MAX, |as_of| now.saturating_duration_since(as_of))
    }

    /// Until when a caller that came at `came` waits where there are keys: not for an issuer that failed and now hangs.
    fn patience(&self, came: Instant) -> Instant {
        self.begun.filter(|_| self.fetching && self.failed.is_some()).unwrap_or(came) + KNOWN_WAITS
    }

    fn end(&mut self, fetched: Result<KeySet, String>) {
        self.fetching = false;
        match fetched {
            Ok(keys) => {
                self.keys = Arc::new(keys);
                self.as_of = self.begun;
                self.failed = None;
            }
            Err(cause) => {
                let times = self.failed.as_ref().map_or(0, |(times, _)| *times);
                self.failed = Some((times.saturating_add(1), cause));
            }
        }
    }
}

/// What keys are fetched for.
#[derive(Clone, Copy)]
enum Need {
    /// There are none, or they are old.
    Keys,
    /// A token names another one.
    AnotherKey,
}

enum Turn {
    /// The keys are new enough.
    Done,
    /// A fetch is under way.
    Fetching,
    /// The last one was a moment ago. Its cause, where it failed.
    NotNow(String),
}

/// How long an issuer that failed so many times is left alone, from the beginning of the last fetch: a process that was frozen in
/// the middle of one fetches at once when it goes on.
fn pause(times: u32) -> Duration {
    let doubled = PAUSE.saturating_mul(1 << times.saturating_sub(1).min(8));
    if times == 0 { Duration::ZERO } else { doubled.min(LONGEST_PAUSE) }
}

/// How long keys are used as they were fetched.
const FRESH: Duration = Duration::from_mins(10);
/// From what age on they are fetched again with nobody waiting.
const AHEAD: Duration = Duration::from_mins(8);
/// How long they are used while the issuer cannot be reached.
pub(super) const GRACE: Duration = Duration::from_hours(24);
/// How long lies between a fetch and one for a key that nobody knows.
pub(super) const FLOOR: Duration = Duration::from_secs(30);
/// How long a caller waits for a fetch where there are keys.
const KNOWN_WAITS: Duration = Duration::from_secs(1);
/// How long a caller waits where there are none, or not its own.
const UNKNOWN_WAITS: Duration = Duration::from_secs(5);
/// How long a fetch may take, which is two requests.
const LONGEST: Duration = Duration::from_secs(5);
/// How long an issuer that failed once is left alone; twice as long after each further failure.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
