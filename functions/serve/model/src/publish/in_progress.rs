//! Tells `amaas store prune` of publishes that are under way: their blobs are in the store before a manifest refers to them.
//!
//! A publish writes an object before its first blob and deletes it behind its manifest. Pruning lists blobs, then these objects, then
//! manifests. So a blob that it knows is either referred to, or no older than an object that it sees. One clock, the store's, dates
//! both. What a publish left that was killed counts for a day.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::PublishError;
use amaas_store::{Store, StoreError, WriteCondition, upload_key};

/// Publishes that are under way.
pub(super) struct InProgress;

impl InProgress {
    /// What `write` gives, told of while it writes.
    pub(super) async fn record_while<T>(
        store: &Store,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, PublishError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| PublishError::Interrupted(error.to_string()))?;
        let key = upload_key(u128::from_be_bytes(id));
        store.write(&key, Bytes::from_static(b"{}\n"), WriteCondition::Any).await?;
        let written = write.await;
        // Where it stays, blobs that are younger stay a day longer.
        if let Err(error) = store.delete(&key).await {
            tracing::warn!(%error, "the publish is over, and pruning will not know it for a day");
        }
        Ok(written?)
    }

    /// When the first of those that are under way began, where there is one; and the keys of those that were killed.
    pub(super) async fn since(store: &Store, now: SystemTime) -> Result<(Option<SystemTime>, Vec<String>), StoreError> {
        let (killed, under_way): (Vec<_>, Vec<_>) = store
            .objects("uploads/")
            .await?
            .into_iter()
            .partition(|(_, stat)| now.duration_since(stat.modified).is_ok_and(|age| age > MAX_PUBLISH_AGE));
        let begun = under_way.into_iter().map(|(_, stat)| stat.modified).min();
        Ok((begun, killed.into_iter().map(|(key, _)| key).collect()))
    }
}

const MAX_PUBLISH_AGE: Duration = Duration::from_hours(24);
