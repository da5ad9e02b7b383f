//! The cache of sealing keys, by model and endpoint.
//!
//! Invariants: concurrent calls share one fetch, and a dropped call releases it. Keys are replaced only by fetched and checked
//! ones; during a refresh the old ones are used until they expire. The highest serial seen is never forgotten.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::call_keys::CallKeys;
use super::key_source::{KeyRequirements, KeySource};
use super::slot::{KeyFetch, KeySlot, SerialsByUrl, lock};
use crate::failure::AttemptFailure;
use crate::transport::Transport;

pub(super) struct KeyCache {
    requirements: Arc<KeyRequirements>,
    slots: Mutex<HashMap<KeySource, Arc<KeySlot>>>,
    serials: SerialsByUrl,
}

impl KeyCache {
    pub(super) fn new(requirements: KeyRequirements) -> Self {
        Self { requirements: Arc::new(requirements), slots: Mutex::default(), serials: Arc::default() }
    }

    pub(super) async fn keys(
        &self,
        source: &KeySource,
        transport: &Arc<dyn Transport>,
    ) -> Result<CallKeys, AttemptFailure> {
        let slot = self.slot(source);
        let fetch = KeyFetch {
            source: source.clone(),
            transport: Arc::clone(transport),
            requirements: Arc::clone(&self.requirements),
            serials: Arc::clone(&self.serials),
        };
        let key = slot.key(fetch).await?;
        Ok(CallKeys { slot, key })
    }

    fn slot(&self, source: &KeySource) -> Arc<KeySlot> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(source) {
            return Arc::clone(slot);
        }
        // Model names may be untrusted, so slots without keys are dropped.
        if slots.len() >= MAX_IDLE_SLOTS {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.has_key());
        }
        Arc::clone(slots.entry(source.clone()).or_insert_with(|| Arc::new(KeySlot::new())))
    }
}

/// The number of slots at which those without keys are dropped.
const MAX_IDLE_SLOTS: usize = 1024;
