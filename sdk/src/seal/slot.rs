//! The cached key of one model at one endpoint, with stale-while-revalidate (RFC 5861) within its life.

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use amaas_ohttp::PublicKey;
use reqwest::Url;
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::fetch;
use super::key_source::{KeyRequirements, KeySource};
use crate::failure::AttemptFailure;
use crate::transport::Transport;

/// The highest serial of each place that keys came from.
pub(super) type SerialsByUrl = Arc<Mutex<HashMap<Url, u64>>>;

/// The keys of one model at one endpoint.
pub(super) struct KeySlot {
    state: Mutex<SlotState>,
    /// Held by whoever fetches.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Seconds that the function's clock is ahead of this one, as it said itself.
    pub(super) ahead: AtomicI64,
}

#[derive(Default)]
struct SlotState {
    current: Option<Arc<CachedKey>>,
    /// When to fetch others in the background.
    refresh: Option<Instant>,
}

/// What calls are sealed to, and until when.
#[derive(Debug)]
pub(super) struct CachedKey {
    pub(super) key: PublicKey,
    expires: Instant,
    /// The same by the wall clock, which goes on while the machine sleeps.
    until: SystemTime,
}

impl KeySlot {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), turn: Arc::default(), ahead: AtomicI64::new(0) }
    }

    /// The key: the cached one, or else a fetched one. A key that is due is refreshed in the background.
    pub(super) async fn key(self: &Arc<Self>, fetch: KeyFetch) -> Result<Arc<CachedKey>, AttemptFailure> {
        if let Some((key, due)) = self.current() {
            if due {
                Arc::clone(self).refresh(fetch);
            }
            return Ok(key);
        }
        // Held during the fetch, so that concurrent calls share it.
        let turn = self.turn.lock().await;
        let key = match self.current() {
            Some((key, _)) => key,
            None => self.store(fetch.run().await?),
        };
        drop(turn);
        Ok(key)
    }

    /// Whether there is a key that has not expired.
    pub(super) fn has_key(&self) -> bool {
        self.current().is_some()
    }

    /// Forgets `keys`, unless others have taken their place.
    pub(super) fn discard(&self, keys: &Arc<CachedKey>) {
        let mut state = lock(&self.state);
        if state.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, keys)) {
            *state = SlotState::default();
        }
    }

    /// The keys, and whether it is time to fetch others.
    fn current(&self) -> Option<(Arc<CachedKey>, bool)> {
        let (now, state) = (Instant::now(), lock(&self.state));
        let keys = state.current.as_ref().filter(|keys| now < keys.expires && SystemTime::now() < keys.until)?;
        Some((Arc::clone(keys), state.refresh.is_some_and(|refresh| now >= refresh)))
    }

    fn store(&self, (key, life): (PublicKey, Duration)) -> Arc<CachedKey> {
        let (now, life) = (Instant::now(), life.min(MAX_KEY_LIFE));
        let keys = Arc::new(CachedKey { key, expires: now + life, until: SystemTime::now() + life });
        *lock(&self.state) = SlotState { current: Some(Arc::clone(&keys)), refresh: Some(now + life / 5 * 4) };
        keys
    }

    /// Fetches in the background, unless somebody does.
    fn refresh(self: Arc<Self>, fetching: KeyFetch) {
        let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() else { return };
        lock(&self.state).refresh = Some(Instant::now() + REFRESH_INTERVAL);
        tokio::spawn(async move {
            match timeout(REFRESH_TIMEOUT, fetching.run()).await {
                Ok(Ok(fetched)) => drop(self.store(fetched)),
                Ok(Err(failure)) => debug!(error = %failure.error, "the keys could not be fetched in the background"),
                Err(_) => debug!("the keys could not be fetched in the background in time"),
            }
            drop(turn);
        });
    }
}

/// All that a fetch needs, so that it can go on without the call that began it.
pub(super) struct KeyFetch {
    pub(super) source: KeySource,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) requirements: Arc<KeyRequirements>,
    pub(super) serials: SerialsByUrl,
}

impl KeyFetch {
    async fn run(self) -> Result<(PublicKey, Duration), AttemptFailure> {
        let Self { source, transport, requirements, serials } = self;
        let least_serial = lock(&serials).get(&source.url).copied().unwrap_or_default();
        let now = SystemTime::now();
        let fetched = fetch::keys(&source, &*transport, &requirements, now, least_serial).await?;
        if let Some(serial) = fetched.serial {
            let mut serials = lock(&serials);
            let highest = serials.entry(source.url).or_default();
            *highest = serial.max(*highest);
        }
        debug!(key = fetched.key.id(), suite = ?fetched.key.suite(), life = ?fetched.life, "keys fetched");
        Ok((fetched.key, fetched.life))
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The longest life, short enough to be added to any clock.
const MAX_KEY_LIFE: Duration = Duration::from_hours(365 * 24);
/// Between two fetches in the background.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// For one fetch in the background.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(30);
