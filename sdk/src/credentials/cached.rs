//! A single-flight cache of credentials.
//!
//! Invariant: concurrent calls share one refresh, also after a refusal. A call that is dropped during a refresh leaves nothing
//! locked.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::authorization::Authorization;
use super::provider::{AuthorizationFuture, CredentialProvider};

/// Caches the credentials of a provider until 30 s before they expire, or until the service refuses them (401). Concurrent calls
/// wait for one refresh. If the provider returns the refused credentials again, it is not called again for 30 s.
pub struct CachedCredentials<P> {
    provider: P,
    state: Mutex<CacheState>,
    /// Held by the call that refreshes.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct CacheState {
    current: Option<Authorization>,
    /// The last refused credentials.
    refused: Option<Authorization>,
    /// The time at which the provider returned the refused credentials again.
    again: Option<Instant>,
}

impl<P: CredentialProvider> CachedCredentials<P> {
    /// Wraps `provider`.
    pub fn new(provider: P) -> Self {
        Self { provider, state: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, CacheState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Option<Authorization> {
        self.state().current.as_ref().filter(|current| current.is_fresh()).cloned()
    }
}

impl CacheState {
    fn store(&mut self, new: &Authorization) {
        let is_again = self.refused.as_ref().is_some_and(|refused| refused.is_same(new));
        self.again = is_again.then(Instant::now);
        self.current = Some(new.clone());
    }

    /// Drops the current credentials if they are the refused ones. Returns whether it did.
    fn refuse(&mut self, refused: &Authorization) -> bool {
        // Another call may have been refused before, so that the current credentials are new.
        let is_current = self.current.as_ref().is_some_and(|current| current.is_same(refused));
        if !is_current || self.again.is_some_and(|again| again.elapsed() < MIN_REFUSED_INTERVAL) {
            return false;
        }
        self.refused = self.current.take();
        true
    }
}

impl<P: CredentialProvider> CredentialProvider for CachedCredentials<P> {
    fn authorization(&self) -> AuthorizationFuture<'_> {
        Box::pin(async {
            if let Some(current) = self.current() {
                return Ok(current);
            }
            // Held during the refresh, so that concurrent calls share it.
            let turn = self.turn.lock().await;
            if let Some(current) = self.current() {
                return Ok(current);
            }
            let new = self.provider.authorization().await?;
            self.state().store(&new);
            drop(turn);
            Ok(new)
        })
    }

    fn refused(&self, refused: &Authorization) {
        if self.state().refuse(refused) {
            self.provider.refused(refused);
        }
    }
}

impl<P> fmt::Debug for CachedCredentials<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedCredentials").finish_non_exhaustive()
    }
}

/// The least time between two calls of a provider that has no other credentials than the refused ones.
const MIN_REFUSED_INTERVAL: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Returns `token-0`, `token-1` and so on, each after a second; from `last` on the same.
    struct Slow {
        asked: AtomicU32,
        last: u32,
    }

    impl Slow {
        fn cached(last: u32) -> CachedCredentials<Self> {
            CachedCredentials::new(Self { asked: AtomicU32::new(0), last })
        }
    }

    impl CredentialProvider for Slow {
        fn authorization(&self) -> AuthorizationFuture<'_> {
            Box::pin(async {
                let number = self.asked.fetch_add(1, Ordering::Relaxed).min(self.last);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(Authorization::bearer(&format!("token-{number}"))?.expires_in(Duration::from_mins(1)))
            })
        }
    }

    async fn token(cached: &CachedCredentials<Slow>) -> Authorization {
        cached.authorization().await.expect("a token")
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_calls_share_one_refresh() {
        let cached = Slow::cached(u32::MAX);
        let (a, b) = tokio::join!(token(&cached), token(&cached));
        assert_eq!((a.secret(), b.secret()), ("token-0", "token-0"));

        tokio::time::advance(Duration::from_secs(28)).await;
        assert_eq!(token(&cached).await.secret(), "token-0");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(token(&cached).await.secret(), "token-1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_refresh_leaves_nothing_locked() {
        let cached = Slow::cached(u32::MAX);
        let first = tokio::time::timeout(Duration::from_millis(1), cached.authorization()).await;
        assert!(first.is_err());
        assert_eq!(token(&cached).await.secret(), "token-1");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_refused_is_forgotten_once() {
        let cached = Slow::cached(u32::MAX);
        let first = token(&cached).await;
        cached.refused(&first);
        let second = token(&cached).await;
        assert_eq!(second.secret(), "token-1");
        // A late refusal of the first token does not concern the second.
        cached.refused(&first);
        assert_eq!(token(&cached).await.secret(), "token-1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_without_others_is_left_alone_for_a_while() {
        let cached = Slow::cached(0);
        for (wait, asked) in [(0, 1), (0, 2), (0, 2), (10, 2), (30, 3), (0, 3)] {
            tokio::time::advance(Duration::from_secs(wait)).await;
            let given = token(&cached).await;
            assert_eq!((given.secret(), cached.provider.asked.load(Ordering::Relaxed)), ("token-0", asked), "{wait}");
            cached.refused(&given);
        }
    }
}
