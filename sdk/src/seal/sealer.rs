//! Seals the calls of a client.

use std::sync::Arc;

use super::cache::KeyCache;
use super::call_keys::CallKeys;
use super::key_source::{KeyRequirements, KeySource};
use crate::failure::AttemptFailure;
use crate::transport::Transport;

/// Seals the calls of one client, whose clones share the keys.
pub(crate) struct CallSealer {
    cache: KeyCache,
}

impl CallSealer {
    pub(crate) fn new(demand: KeyRequirements) -> Self {
        Self { cache: KeyCache::new(demand) }
    }

    /// The keys for a call, fetched if they are not cached.
    pub(crate) async fn keys(
        &self,
        source: &KeySource,
        transport: &Arc<dyn Transport>,
    ) -> Result<CallKeys, AttemptFailure> {
        self.cache.keys(source, transport).await
    }
}
