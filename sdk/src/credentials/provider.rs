//! Credentials that change.

use std::pin::Pin;

use super::authorization::Authorization;
use crate::error::BoxError;

/// What [`CredentialProvider::authorization`] returns.
pub type AuthorizationFuture<'a> = Pin<Box<dyn Future<Output = Result<Authorization, BoxError>> + Send + 'a>>;

/// Gives credentials that change, such as tokens of an identity provider.
///
/// It is asked on every attempt, within the attempt's time; put it into a [`CachedCredentials`] where asking is slow.
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
    /// An error ends the call with [`ErrorKind::Credentials`]; its text becomes the source, so it must hold no secret.
    fn authorization(&self) -> AuthorizationFuture<'_>;

    /// The service answered a call with `refused` with 401, which may have been revoked before it expired. The provider is asked once
    /// more then, and the call goes out again if other credentials come. A provider that keeps what it gives forgets it here.
    fn refused(&self, refused: &Authorization) {
        let _ = refused;
    }
}
