//! What proves to the service who is calling.
//!
//! Invariant: a credential is asked for on every attempt, so that one that expires during a wait is not sent; it is
//! wiped when dropped, and no `Debug` shows it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use amaas_wire::ApiKey;
use reqwest::header::HeaderValue;
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::{BoxError, Error, ErrorKind};

/// The value of an `Authorization` header.
///
/// ```
/// use std::time::Duration;
/// use amaas::Authorization;
///
/// let token = Authorization::bearer("eyJhbGciOiJFUzI1NiJ9.e30.c2ln")?.expires_in(Duration::from_secs(3600));
/// assert_eq!(format!("{token:?}"), "Authorization(…)");
/// # Ok::<(), amaas::Error>(())
/// ```
#[derive(Clone)]
pub struct Authorization {
    value: Zeroizing<String>,
    expires: Option<Instant>,
}

impl Authorization {
    /// `Bearer {token}`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the token is empty or has characters that no header can carry.
    pub fn bearer(token: &str) -> Result<Self, Error> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::config("a bearer token is one or more visible ASCII characters without spaces"));
        }
        Ok(Self { value: Zeroizing::new(format!("Bearer {token}")), expires: None })
    }

    /// Says that the value is good for `time` from now, after which [`Cached`] asks for another.
    #[must_use]
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires = Instant::now().checked_add(time);
        self
    }

    /// The header, marked so that its own `Debug` does not show it.
    pub(crate) fn header(&self) -> Result<HeaderValue, Error> {
        let mut header = HeaderValue::from_str(&self.value)
            .map_err(|_| Error::new(ErrorKind::Credentials, "the credentials cannot be sent in a header"))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// The secret part, without the scheme.
    pub(crate) fn secret(&self) -> &str {
        self.value.split_once(' ').map_or(&self.value, |(_, secret)| secret)
    }

    fn is_fresh(&self) -> bool {
        self.expires.is_none_or(|expires| expires > Instant::now() + REFRESH_BEFORE)
    }
}

impl From<&ApiKey> for Authorization {
    fn from(key: &ApiKey) -> Self {
        Self { value: Zeroizing::new(format!("Bearer {}", key.expose())), expires: None }
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(…)")
    }
}

/// What [`CredentialProvider::authorization`] returns.
pub type AuthorizationFuture<'a> = Pin<Box<dyn Future<Output = Result<Authorization, BoxError>> + Send + 'a>>;

/// Gives credentials that change, such as tokens of an identity provider.
///
/// It is asked on every attempt, within the attempt's time; put it into a [`Cached`] where asking is slow.
///
/// ```
/// use amaas::{Authorization, AuthorizationFuture, Cached, Client, CredentialProvider};
///
/// struct TokenFile(std::path::PathBuf);
///
/// impl CredentialProvider for TokenFile {
///     fn authorization(&self) -> AuthorizationFuture<'_> {
///         Box::pin(async {
///             let token = std::fs::read_to_string(&self.0)?;
///             Ok(Authorization::bearer(token.trim())?.expires_in(std::time::Duration::from_secs(600)))
///         })
///     }
/// }
///
/// let client = Client::builder()
///     .endpoint("https://models.example.com")
///     .credentials(Cached::new(TokenFile("/var/run/token".into())))
///     .build()?;
/// # Ok::<(), amaas::Error>(())
/// ```
pub trait CredentialProvider: Send + Sync {
    /// The credentials for one attempt.
    ///
    /// An error ends the call with [`ErrorKind::Credentials`]; its text becomes the source, so it must hold no secret.
    fn authorization(&self) -> AuthorizationFuture<'_>;
}

/// Keeps what a provider gives until 30 s before it expires; concurrent calls wait for one refresh.
pub struct Cached<P> {
    provider: P,
    current: Mutex<Option<Authorization>>,
}

impl<P: CredentialProvider> Cached<P> {
    /// Wraps `provider`.
    pub fn new(provider: P) -> Self {
        Self { provider, current: Mutex::new(None) }
    }
}

impl<P: CredentialProvider> CredentialProvider for Cached<P> {
    fn authorization(&self) -> AuthorizationFuture<'_> {
        Box::pin(async {
            // Held while refreshing on purpose: that is what makes it one refresh. A call that is dropped lets go of it.
            let mut current = self.current.lock().await;
            if let Some(authorization) = current.as_ref().filter(|authorization| authorization.is_fresh()) {
                return Ok(authorization.clone());
            }
            let authorization = self.provider.authorization().await?;
            *current = Some(authorization.clone());
            Ok(authorization)
        })
    }
}

impl<P> fmt::Debug for Cached<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").finish_non_exhaustive()
    }
}

/// What a client was given.
#[derive(Clone)]
pub(crate) enum Credentials {
    Anonymous,
    Fixed(Authorization),
    Provider(Arc<dyn CredentialProvider>),
}

impl Credentials {
    pub(crate) async fn authorization(&self) -> Result<Option<Authorization>, Error> {
        match self {
            Self::Anonymous => Ok(None),
            Self::Fixed(authorization) => Ok(Some(authorization.clone())),
            Self::Provider(provider) => provider.authorization().await.map(Some).map_err(|source| {
                Error::new(ErrorKind::Credentials, "the credential provider failed").with_source(source)
            }),
        }
    }
}

/// As `object_store` and the AWS SDKs do: a token must outlive the request that carries it.
const REFRESH_BEFORE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Default)]
    struct Slow {
        asked: AtomicU32,
    }

    impl CredentialProvider for Slow {
        fn authorization(&self) -> AuthorizationFuture<'_> {
            Box::pin(async {
                let number = self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(Authorization::bearer(&format!("token-{number}"))?.expires_in(Duration::from_mins(1)))
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_calls_share_one_refresh() {
        let cached = Cached::new(Slow::default());
        let (a, b) = tokio::join!(cached.authorization(), cached.authorization());
        assert_eq!(a.expect("a token").secret(), "token-0");
        assert_eq!(b.expect("a token").secret(), "token-0");

        tokio::time::advance(Duration::from_secs(28)).await;
        assert_eq!(cached.authorization().await.expect("a token").secret(), "token-0");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(cached.authorization().await.expect("a token").secret(), "token-1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_refresh_leaves_nothing_locked() {
        let cached = Cached::new(Slow::default());
        let first = tokio::time::timeout(Duration::from_millis(1), cached.authorization()).await;
        assert!(first.is_err());
        assert_eq!(cached.authorization().await.expect("a token").secret(), "token-1");
    }

    #[test]
    fn tokens_that_would_break_a_header_are_refused() {
        for token in ["", "a b", "a\nb", "é"] {
            assert_eq!(Authorization::bearer(token).expect_err(token).kind(), ErrorKind::Config);
        }
    }
}
