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

/// The highest serial seen at each URL.
pub(super) type SerialsByUrl = Arc<Mutex<HashMap<Url, u64>>>;

/// The cached key of one model at one endpoint.
pub(super) struct KeySlot {
    state: Mutex<SlotState>,
    /// Held during a fetch.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Seconds that the function's clock is ahead of this machine's, as the function stated.
    pub(super) ahead: AtomicI64,
}

#[derive(Default)]
struct SlotState {
    current: Option<Arc<CachedKey>>,
    /// When to refresh in the background.
    refresh: Option<Instant>,
}

/// A sealing key with its expiry.
#[derive(Debug)]
pub(super) struct CachedKey {
    pub(super) key: PublicKey,
    expires: Instant,
    /// The same by the wall clock, which runs on while the machine sleeps.
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

    /// Drops `keys`, unless they have been replaced.
    pub(super) fn discard(&self, keys: &Arc<CachedKey>) {
        let mut state = lock(&self.state);
        if state.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, keys)) {
            *state = SlotState::default();
        }
    }

    /// The key, and whether it is due for a refresh.
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

    /// Refreshes in the background, unless a fetch is running.
    fn refresh(self: Arc<Self>, fetching: KeyFetch) {
        let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() else { return };
        lock(&self.state).refresh = Some(Instant::now() + REFRESH_INTERVAL);
        tokio::spawn(async move {
            match timeout(REFRESH_TIMEOUT, fetching.run()).await {
                Ok(Ok(fetched)) => drop(self.store(fetched)),
                Ok(Err(failure)) => debug!(error = %failure.error, "key refresh failed"),
                Err(_) => debug!("key refresh timed out"),
            }
            drop(turn);
        });
    }
}

/// The inputs of a fetch, owned, so that it outlives the call that started it.
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

/// The longest life of a key. It is short enough to be added to any clock.
const MAX_KEY_LIFE: Duration = Duration::from_hours(365 * 24);
/// The least time between two refreshes.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// The time-out of a refresh.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(30);
