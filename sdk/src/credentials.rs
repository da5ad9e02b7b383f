//! What proves to the service who is calling.
//!
//! Invariant: a credential is asked for on every attempt, so that one that expires during a wait is not sent; it is
//! wiped when dropped, and no `Debug` shows it.

mod cached;

pub use self::cached::Cached;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use amaas_wire::ApiKey;
use reqwest::header::HeaderValue;
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

    /// Whether it is the same value, whatever its expiry.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.value == other.value
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

    /// The service answered a call with `refused` with 401, which may have been revoked before it expired. The provider is asked once
    /// more then, and the call goes out again if other credentials come. A provider that keeps what it gives forgets it here.
    fn refused(&self, refused: &Authorization) {
        let _ = refused;
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

/// The credentials of one call, from attempt to attempt.
pub(crate) struct Identity<'a> {
    credentials: &'a Credentials,
    /// What went out with the last attempt.
    sent: Option<Authorization>,
    /// What came in its place, for the next one.
    renewed: Option<Authorization>,
}

impl<'a> Identity<'a> {
    pub(crate) fn of(credentials: &'a Credentials) -> Self {
        Self { credentials, sent: None, renewed: None }
    }

    /// The credentials for the next attempt.
    pub(crate) async fn authorization(&mut self) -> Result<Option<Authorization>, Error> {
        self.sent = match self.renewed.take() {
            Some(renewed) => Some(renewed),
            None => self.credentials.authorization().await?,
        };
        Ok(self.sent.clone())
    }

    /// Asks the provider for others, for those of the last attempt were refused; whether it had any.
    pub(crate) async fn renew(&mut self) -> Result<bool, Error> {
        let (Credentials::Provider(provider), Some(sent)) = (self.credentials, &self.sent) else { return Ok(false) };
        provider.refused(sent);
        self.renewed = self.credentials.authorization().await?.filter(|renewed| !renewed.is_same(sent));
        Ok(self.renewed.is_some())
    }
}

/// As `object_store` and the AWS SDKs do: a token must outlive the request that carries it.
const REFRESH_BEFORE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_would_break_a_header_are_refused() {
        for token in ["", "a b", "a\nb", "é"] {
            assert_eq!(Authorization::bearer(token).expect_err(token).kind(), ErrorKind::Config);
        }
    }
}
