//! Keys that were fetched, until they expire.
//!
//! Invariants. Concurrent calls share one fetch, and a call that is dropped lets go of it. Keys are taken in place of
//! others only when they were fetched and checked; while that happens in the background, the old ones serve until they
//! expire. The highest serial that was seen is never forgotten.

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use amaas_ohttp::PublicKey;
use reqwest::Url;
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::{Demand, Held, KeySource, fetch};
use crate::call::Failure;
use crate::transport::Transport;

pub(super) struct Cache {
    demand: Arc<Demand>,
    slots: Mutex<HashMap<KeySource, Arc<Slot>>>,
    serials: Serials,
}

/// The highest serial of each place that keys came from.
type Serials = Arc<Mutex<HashMap<Url, u64>>>;

/// The keys of one model at one endpoint.
pub(super) struct Slot {
    state: Mutex<State>,
    /// Held by whoever fetches.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Seconds that the function's clock is ahead of this one, as it said itself.
    pub(super) ahead: AtomicI64,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Keys>>,
    /// When to fetch others in the background.
    refresh: Option<Instant>,
}

/// What calls are sealed to, and until when.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) key: PublicKey,
    expires: Instant,
    /// The same by the wall clock, which goes on while the machine sleeps.
    until: SystemTime,
}

impl Cache {
    pub(super) fn new(demand: Demand) -> Self {
        Self { demand: Arc::new(demand), slots: Mutex::default(), serials: Arc::default() }
    }

    pub(super) async fn keys(&self, source: &KeySource, transport: &Arc<dyn Transport>) -> Result<Held, Failure> {
        let slot = self.slot(source);
        let fetching = Fetching {
            source: source.clone(),
            transport: Arc::clone(transport),
            demand: Arc::clone(&self.demand),
            serials: Arc::clone(&self.serials),
        };
        if let Some((keys, due)) = slot.current() {
            if due {
                Arc::clone(&slot).refresh(fetching);
            }
            return Ok(Held { slot, keys });
        }
        // Held while fetching on purpose: that is what makes it one fetch.
        let turn = slot.turn.lock().await;
        let keys = match slot.current() {
            Some((keys, _)) => keys,
            None => slot.store(fetching.run().await?),
        };
        drop(turn);
        Ok(Held { slot, keys })
    }

    fn slot(&self, source: &KeySource) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(source) {
            return Arc::clone(slot);
        }
        // Names of models may come from outside, so those that gave no keys are not kept for ever.
        if slots.len() >= MANY {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.current().is_some());
        }
        Arc::clone(slots.entry(source.clone()).or_insert_with(|| Arc::new(Slot::new())))
    }
}

impl Slot {
    fn new() -> Self {
        Self { state: Mutex::default(), turn: Arc::default(), ahead: AtomicI64::new(0) }
    }

    /// Forgets `keys`, unless others have taken their place.
    pub(super) fn discard(&self, keys: &Arc<Keys>) {
        let mut state = lock(&self.state);
        if state.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, keys)) {
            *state = State::default();
        }
    }

    /// The keys, and whether it is time to fetch others.
    fn current(&self) -> Option<(Arc<Keys>, bool)> {
        let (now, state) = (Instant::now(), lock(&self.state));
        let keys = state.current.as_ref().filter(|keys| now < keys.expires && SystemTime::now() < keys.until)?;
        Some((Arc::clone(keys), state.refresh.is_some_and(|refresh| now >= refresh)))
    }

    fn store(&self, (key, life): (PublicKey, Duration)) -> Arc<Keys> {
        let (now, life) = (Instant::now(), life.min(LONGEST));
        let keys = Arc::new(Keys { key, expires: now + life, until: SystemTime::now() + life });
        *lock(&self.state) = State { current: Some(Arc::clone(&keys)), refresh: Some(now + life / 5 * 4) };
        keys
    }

    /// Fetches in the background, unless somebody does.
    fn refresh(self: Arc<Self>, fetching: Fetching) {
        let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() else { return };
        lock(&self.state).refresh = Some(Instant::now() + AGAIN);
        tokio::spawn(async move {
            match timeout(BACKGROUND, fetching.run()).await {
                Ok(Ok(fetched)) => drop(self.store(fetched)),
                Ok(Err(failure)) => debug!(error = %failure.error, "the keys could not be fetched in the background"),
                Err(_) => debug!("the keys could not be fetched in the background in time"),
            }
            drop(turn);
        });
    }
}

/// All that a fetch needs, so that it can go on without the call that began it.
struct Fetching {
    source: KeySource,
    transport: Arc<dyn Transport>,
    demand: Arc<Demand>,
    serials: Serials,
}

impl Fetching {
    async fn run(self) -> Result<(PublicKey, Duration), Failure> {
        let Self { source, transport, demand, serials } = self;
        let least_serial = lock(&serials).get(&source.url).copied().unwrap_or_default();
        let now = SystemTime::now();
        let fetched = fetch::keys(&source, &*transport, &demand, now, least_serial).await?;
        if let Some(serial) = fetched.serial {
            let mut serials = lock(&serials);
            let highest = serials.entry(source.url).or_default();
            *highest = serial.max(*highest);
        }
        debug!(key = fetched.key.id(), suite = ?fetched.key.suite(), life = ?fetched.life, "keys fetched");
        Ok((fetched.key, fetched.life))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Models and endpoints of one client, before those without keys are dropped.
const MANY: usize = 1024;
/// The longest life, short enough to be added to any clock.
const LONGEST: Duration = Duration::from_hours(365 * 24);
/// Between two fetches in the background.
const AGAIN: Duration = Duration::from_secs(30);
/// For one fetch in the background.
const BACKGROUND: Duration = Duration::from_secs(30);
