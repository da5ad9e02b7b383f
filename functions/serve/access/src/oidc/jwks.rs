//! The issuer's JSON Web Key Set (RFC 7517), cached with stale-while-revalidate and stale-if-error.
//!
//! Invariants: tokens with unknown keys cause one fetch within [`MIN_INTERVAL`], however many come; known keys go on working for [`STALE_IF_ERROR`]
//! while the issuer is unreachable.
//!
//! Written by hand around `jsonwebtoken`, which verifies signatures: `openidconnect` is a client's library and caches no keys.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey};

use super::TokenError;
use super::keys::{KeyMatch, KeySet};
use crate::refreshing::{OnMiss, RefreshPolicy, Refreshing};

/// Keys that are fetched again as they age.
pub(super) struct JwksCache(Refreshing<Arc<KeySet>, String>);

impl JwksCache {
    /// Keys as `fetch` returns them. Nothing is fetched yet.
    pub(super) fn new<F>(fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<KeySet, String>> + Send + 'static,
    {
        Self(Refreshing::new("jwks", POLICY, move |_| {
            let fetched = fetch();
            async move {
                let keys = fetched.await?;
                tracing::debug!(keys = keys.len(), "issuer keys fetched");
                Ok(Arc::new(keys))
            }
        }))
    }

    /// The key of a token that names `id` and `algorithm`.
    pub(super) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, TokenError> {
        let fetches = self.0.fetches();
        let mut keys = self.keys().await?;
        if matches!(keys.find(id, algorithm), KeyMatch::Missing) {
            // The issuer may have a new key since. If it cannot be asked, the present keys count.
            keys = self.0.refetch(fetches).await.ok().or_else(|| self.0.latest()).unwrap_or(keys);
        }
        match keys.find(id, algorithm) {
            KeyMatch::Key(key) => Ok(key.clone()),
            KeyMatch::Unfit => Err(TokenError::Algorithm),
            KeyMatch::Missing => Err(TokenError::UnknownKey),
        }
    }

    /// The keys, fresh if the issuer can be reached, and never older than [`STALE_IF_ERROR`].
    pub(super) async fn keys(&self) -> Result<Arc<KeySet>, TokenError> {
        self.0.get().await.map_err(|error| TokenError::Unavailable { internal: error.to_string() })
    }

    /// Forgets the keys.
    pub(super) fn forget(&self) {
        self.0.forget();
    }
}

/// How the issuer's keys are cached. A fetch is two requests.
const POLICY: RefreshPolicy = RefreshPolicy {
    max_age: Duration::from_mins(10),
    revalidate_after: Duration::from_mins(8),
    stale_if_error: STALE_IF_ERROR,
    wait_when_stale: Duration::from_secs(1),
    wait_when_missing: Duration::from_secs(5),
    min_interval: MIN_INTERVAL,
    on_miss: OnMiss::KeepAfterFetch,
    fetch_timeout: Duration::from_secs(5),
    initial_backoff: Duration::from_secs(2),
    max_backoff: Duration::from_secs(30),
};
/// How long keys are used while the issuer is unreachable.
pub(super) const STALE_IF_ERROR: Duration = Duration::from_hours(24);
/// The least time between a fetch and one for an unknown key.
pub(super) const MIN_INTERVAL: Duration = Duration::from_secs(30);
