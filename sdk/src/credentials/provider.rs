//! Credentials that change.

use std::pin::Pin;

use super::authorization::Authorization;
use crate::error::BoxError;

/// The future of [`CredentialProvider::authorization`].
pub type AuthorizationFuture<'a> = Pin<Box<dyn Future<Output = Result<Authorization, BoxError>> + Send + 'a>>;

/// Provides credentials that change, such as tokens of an identity provider.
///
/// The client calls it for every attempt, within the attempt's time. Wrap a slow provider in
/// [`CachedCredentials`](crate::CachedCredentials).
///
/// ```
/// use amaas::{Authorization, AuthorizationFuture, CachedCredentials, Client, CredentialProvider};
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
///     .credentials(CachedCredentials::new(TokenFile("/var/run/token".into())))
///     .build()?;
/// # Ok::<(), amaas::Error>(())
/// ```
pub trait CredentialProvider: Send + Sync {
    /// The credentials for one attempt.
    ///
    /// An error ends the call with [`ErrorKind::Credentials`](crate::ErrorKind::Credentials). Its text becomes the source, so it must
    /// hold no secret.
    fn authorization(&self) -> AuthorizationFuture<'_>;

    /// The service refused a call with `refused` (401); they may have been revoked before they expired. The client then calls the
    /// provider once more, and sends the call again if the credentials differ. A provider with a cache drops `refused` from it here.
    fn refused(&self, refused: &Authorization) {
        let _ = refused;
    }
}
