//! The cache of AWS credentials.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::default_chain;

/// Caches credentials until shortly before they expire. Concurrent calls share one refresh.
pub(super) struct CredentialCache {
    provider: SharedCredentialsProvider,
    /// The cached credentials, and their end.
    current: Mutex<Option<(Credentials, Instant)>>,
}

impl CredentialCache {
    /// Credentials of `provider`, or of the default sources.
    pub(super) fn new(provider: Option<SharedCredentialsProvider>) -> Self {
        Self { provider: provider.unwrap_or_else(default_chain::provider), current: Mutex::new(None) }
    }

    pub(super) async fn current(&self) -> Result<Credentials, CredentialsError> {
        // Held during the refresh, so that concurrent calls share it. A dropped call releases it.
        let mut current = self.current.lock().await;
        if let Some((credentials, until)) = &*current
            && Instant::now() < *until
        {
            return Ok(credentials.clone());
        }
        let credentials = self.provider.provide_credentials().await?;
        let left = credentials.expiry().map(|end| end.duration_since(SystemTime::now()).unwrap_or_default());
        let kept = left.map_or(UNEXPIRING_LIFE, |left| left.saturating_sub(REFRESH_BEFORE).min(MAX_LIFE));
        *current = Some((credentials.clone(), Instant::now() + kept));
        Ok(credentials)
    }
}

/// The margin before expiry. A signature is checked within seconds, but clocks differ.
const REFRESH_BEFORE: Duration = Duration::from_mins(1);
/// The life of credentials without an expiry, as in the AWS SDKs.
const UNEXPIRING_LIFE: Duration = Duration::from_mins(15);
/// The longest life. It is short enough to be added to any clock.
const MAX_LIFE: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use aws_credential_types::provider::future::ProvideCredentials as Future;

    use super::*;

    /// Returns other credentials each time, with this life.
    #[derive(Clone, Debug)]
    struct Changing {
        asked: Arc<AtomicU64>,
        life: Option<Duration>,
    }

    impl ProvideCredentials for Changing {
        fn provide_credentials<'a>(&'a self) -> Future<'a>
        where
            Self: 'a,
        {
            Future::new(async {
                let number = self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
                let expiry = self.life.map(|life| SystemTime::now() + life);
                Ok(Credentials::new(format!("AKIA{number}"), "s", None, expiry, "test"))
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_asked_for_once_and_again_before_they_expire() {
        for (life, kept) in [(Some(3600), 3540), (None, 900)] {
            let provider = Changing { asked: Arc::default(), life: life.map(Duration::from_secs) };
            let credentials = CredentialCache::new(Some(SharedCredentialsProvider::new(provider.clone())));
            let (a, b) = tokio::join!(credentials.current(), credentials.current());
            assert_eq!((a.expect("some").access_key_id(), b.expect("some").access_key_id()), ("AKIA0", "AKIA0"));
            for (wait, id) in [(kept - 2, "AKIA0"), (4, "AKIA1")] {
                tokio::time::advance(Duration::from_secs(wait)).await;
                assert_eq!(credentials.current().await.expect("some").access_key_id(), id);
            }
            assert_eq!(provider.asked.load(Ordering::Relaxed), 2);
        }
    }

    #[tokio::test]
    async fn credentials_that_end_soon_are_not_kept() {
        let provider = Changing { asked: Arc::default(), life: Some(Duration::from_secs(30)) };
        let credentials = CredentialCache::new(Some(SharedCredentialsProvider::new(provider)));
        for id in ["AKIA0", "AKIA1"] {
            assert_eq!(credentials.current().await.expect("some").access_key_id(), id);
        }
    }
}
