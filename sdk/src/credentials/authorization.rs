//! The value of an `Authorization` header.

use std::fmt;
use std::time::Duration;

use amaas_wire::ApiKey;
use reqwest::header::HeaderValue;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};

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
    /// [`ErrorKind::Config`] if the token is empty or has characters that a header cannot carry.
    pub fn bearer(token: &str) -> Result<Self, Error> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::config("a bearer token is one or more visible ASCII characters without spaces"));
        }
        Ok(Self { value: Zeroizing::new(format!("Bearer {token}")), expires: None })
    }

    /// Sets the life of the value, from now. After it, [`CachedCredentials`](super::CachedCredentials) gets another one.
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

    /// The secret, without the scheme.
    pub(crate) fn secret(&self) -> &str {
        self.value.split_once(' ').map_or(&self.value, |(_, secret)| secret)
    }

    /// Whether the values are equal, regardless of their expiry.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.value == other.value
    }

    pub(super) fn is_fresh(&self) -> bool {
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

/// The margin before expiry, so that a token outlives its request; as in `object_store` and the AWS SDKs.
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
