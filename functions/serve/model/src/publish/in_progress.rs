//! Marks publishes in progress for `amaas store prune`: their blobs are in the store before a manifest refers to them.
//!
//! A publish writes a marker object before its first blob, and deletes it after its manifest. Pruning lists blobs, then markers,
//! then manifests. So each listed blob is either referenced, or not older than a marker. Both are dated by the store's clock. The
//! marker of a killed publish expires after a day.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::PublishError;
use amaas_store::{Store, StoreError, WriteCondition, upload_key};

/// The markers of publishes in progress.
pub(super) struct InProgress;

impl InProgress {
    /// Runs `write` while a marker exists.
    pub(super) async fn record_while<T>(
        store: &Store,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, PublishError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| PublishError::Interrupted(error.to_string()))?;
        let key = upload_key(u128::from_be_bytes(id));
        store.write(&key, Bytes::from_static(b"{}\n"), WriteCondition::Any).await?;
        let written = write.await;
        // If it stays, younger blobs are kept for a day longer.
        if let Err(error) = store.delete(&key).await {
            tracing::warn!(%error, "the marker of a publish could not be deleted: pruning keeps its blobs for a day");
        }
        Ok(written?)
    }

    /// The start of the oldest publish in progress, if any, and the keys of expired markers.
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
