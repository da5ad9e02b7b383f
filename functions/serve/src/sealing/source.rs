//! What a function keeps of its key set, and when it reads the set again.
//!
//! Invariants: there is one read at a time, in a task of its own, so that nobody who goes away ends it for the others;
//! what is known stays known until something newer was read; and while a process is frozen for a snapshot it knows
//! nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::keys::Keys;
use super::{KeySet, SealingError};
use amaas_ledger::{Highest, Key, Ledger};
use amaas_store::vault::Vault;
use amaas_store::{ModelName, Store, sealing_key};

/// A key set that is read again as it ages.
pub(crate) struct Source {
    store: Store,
    name: ModelName,
    vault: Vault,
    /// Keeps the highest serial for all processes, where there is a ledger.
    highest: Option<Highest>,
    state: watch::Sender<State>,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    /// When the last read began.
    begun: Option<Instant>,
    /// When a read last began because of a key that was not known.
    looked: Option<Instant>,
    reading: bool,
    failed: Option<Arc<SealingError>>,
    /// How often everything was forgotten: a read that began before that gives nothing.
    epoch: u64,
}

#[derive(Clone)]
struct Known {
    keys: Arc<Keys>,
    tag: String,
    /// When the read that gave this began.
    as_of: Instant,
}

impl Source {
    /// The set of `name`; nothing is read yet.
    pub(crate) fn new(store: Store, name: ModelName, vault: Vault) -> Self {
        Self { store, name, vault, highest: None, state: watch::Sender::default() }
    }

    /// The same, which takes no set that is older than one that any process saw which has this ledger.
    pub(crate) fn with_ledger(&self, ledger: Arc<dyn Ledger>) -> Self {
        let highest = Some(Highest::new(ledger));
        Self { highest, ..Self::new(self.store.clone(), self.name.clone(), self.vault.clone()) }
    }

    /// Whose set it is.
    pub(crate) fn name(&self) -> &ModelName {
        &self.name
    }

    /// The keys, as they were [`FRESH`] ago or later; older ones where they cannot be read.
    ///
    /// # Errors
    /// Why they cannot be read, where none are known.
    pub(crate) async fn keys(self: &Arc<Self>) -> Result<Arc<Keys>, Arc<SealingError>> {
        let known = self.state.borrow().known.clone();
        match known.map(|known| (known.as_of.elapsed(), known.keys)) {
            Some((age, keys)) if age <= AHEAD => Ok(keys),
            Some((age, keys)) if age <= FRESH => {
                self.begin(State::may_read);
                Ok(keys)
            }
            Some((_, keys)) => {
                self.begin(State::may_read);
                self.ended(KNOWN_WAITS).await;
                Ok(self.known().unwrap_or(keys))
            }
            None => {
                self.begin(State::may_read);
                self.ended(LONGEST).await;
                self.known().ok_or_else(|| self.failure())
            }
        }
    }

    /// The keys that are known, whatever their age, so that nobody waits; a read that they are due for goes on behind that.
    /// Where none are known, as [`keys`](Self::keys).
    pub(crate) async fn keys_at_hand(self: &Arc<Self>) -> Result<Arc<Keys>, Arc<SealingError>> {
        let known = self.state.borrow().known.clone();
        let Some(known) = known else { return self.keys().await };
        if known.as_of.elapsed() > AHEAD {
            self.begin(State::may_read);
        }
        Ok(known.keys)
    }

    /// The keys, read again because a call named one that is not among them; those that are known, where that was done a
    /// moment ago.
    pub(crate) async fn keys_anew(self: &Arc<Self>) -> Result<Arc<Keys>, Arc<SealingError>> {
        // A read that is under way may have begun before the key was made.
        self.ended(LONGEST).await;
        self.begin(State::may_look);
        self.ended(LONGEST).await;
        self.known().ok_or_else(|| self.failure())
    }

    /// Drops everything that is known, and what a read brings that is under way.
    pub(crate) fn forget(&self) {
        self.state.send_modify(|state| *state = State { epoch: state.epoch + 1, ..State::default() });
    }

    fn known(&self) -> Option<Arc<Keys>> {
        self.state.borrow().known.as_ref().map(|known| Arc::clone(&known.keys))
    }

    fn failure(&self) -> Arc<SealingError> {
        let failed = self.state.borrow().failed.clone();
        failed.unwrap_or_else(|| Arc::new(SealingError::Slow { seconds: LONGEST.as_secs() }))
    }

    /// Begins a read where none is under way and `may` says so.
    fn begin(self: &Arc<Self>, may: fn(&mut State) -> bool) {
        self.state.send_if_modified(|state| {
            if !state.reading && may(state) {
                state.reading = true;
                state.begun = Some(Instant::now());
                tokio::spawn(Arc::clone(self).read(state.epoch, Instant::now()));
            }
            // Whoever waits, waits for the end of a read.
            false
        });
    }

    /// Done when no read is under way, or the one that is has had `patience`.
    async fn ended(&self, patience: Duration) {
        let mut state = self.state.subscribe();
        let begun = state.borrow().begun.unwrap_or_else(Instant::now);
        let _ = timeout_at(begun + patience, state.wait_for(|state| !state.reading)).await;
    }

    async fn read(self: Arc<Self>, epoch: u64, begun: Instant) {
        let known = self.state.borrow().known.clone();
        let read = timeout(LONGEST, self.fetch(known, begun)).await;
        let result = read.unwrap_or(Err(SealingError::Slow { seconds: LONGEST.as_secs() }));
        if let Err(error) = &result {
            tracing::warn!(%error, "the keys of sealed calls could not be read");
        }
        self.state.send_modify(|state| {
            if state.epoch != epoch {
                return;
            }
            state.reading = false;
            match result {
                Ok(known) => (state.known, state.failed) = (Some(known), None),
                Err(error) => state.failed = Some(Arc::new(error)),
            }
        });
    }

    async fn fetch(&self, known: Option<Known>, as_of: Instant) -> Result<Known, SealingError> {
        match self.fetch_once(known.clone(), as_of).await {
            // The set may have been changed while it was read here, and another process have read the new one.
            Err(SealingError::Older { .. }) => self.fetch_once(known, as_of).await,
            fetched => fetched,
        }
    }

    async fn fetch_once(&self, known: Option<Known>, as_of: Instant) -> Result<Known, SealingError> {
        let object = match self.store.read(&sealing_key(&self.name)).await {
            Err(error) if error.is_not_found() => {
                return Err(SealingError::Missing { name: self.name.to_string() });
            }
            object => object?,
        };
        if let Some(known) = known.as_ref().filter(|known| known.tag == object.tag) {
            return Ok(Known { as_of, ..known.clone() });
        }
        let set = KeySet::from_json(&self.name, &object.bytes)?;
        let known = known.map(|known| known.keys);
        // Whoever can write the store could bring back a key that was given up.
        let older = |found: u64, known: u64| {
            if found < known { Err(SealingError::Older { found, known }) } else { Ok(()) }
        };
        older(set.serial(), known.as_ref().map_or(0, |keys| keys.serial()))?;
        let keys = set.unwrap(&self.vault, known.as_deref()).await?;
        // It was verified, so no serial is kept that somebody made up.
        if let Some(highest) = &self.highest {
            older(keys.serial(), highest.with(&self.place(), keys.serial()).await?)?;
        }
        Ok(Known { keys: Arc::new(keys), tag: object.tag, as_of })
    }

    /// Where the highest serial is kept.
    fn place(&self) -> Key {
        Key::new(format!("sealing/{}", self.name), "serial")
    }
}

impl State {
    fn may_read(&mut self) -> bool {
        self.begun.is_none_or(|begun| begun.elapsed() >= FLOOR)
    }

    fn may_look(&mut self) -> bool {
        let may = self.looked.is_none_or(|looked| looked.elapsed() >= FLOOR);
        if may {
            self.looked = Some(Instant::now());
        }
        may
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How long what was read is used. A rotation counts on it: it announces new keys that much later.
pub(crate) const FRESH: Duration = Duration::from_mins(1);
/// From what age on it is read again with nobody waiting.
const AHEAD: Duration = Duration::from_secs(45);
/// How long lies between two reads of a store that fails, and between two that are made for unknown keys, so that whoever
/// tries many ids does not flood the store.
pub(crate) const FLOOR: Duration = Duration::from_secs(5);
/// How long a call waits for a read, before the keys that are known are used.
const KNOWN_WAITS: Duration = Duration::from_secs(1);
/// How long a read may take, and how long a call waits for it that cannot do without.
const LONGEST: Duration = Duration::from_secs(5);
