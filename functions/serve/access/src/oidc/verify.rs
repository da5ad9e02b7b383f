//! From a token to who calls.

use std::fmt;
use std::sync::Arc;

use super::fetch::Source;
use super::jwks::Jwks;
use super::token::Token;
use super::verified::Tokens;
use super::{OidcConfig, TokenError};
use crate::time::now;
use amaas_wire::Digest;

/// Verifies the tokens of one issuer.
///
/// ```no_run
/// use amaas_access::oidc::{Oidc, OidcConfig};
///
/// # async fn example(token: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let Some(config) = OidcConfig::from_variables(|name| std::env::var(name).ok())? else { return Ok(()) };
/// let oidc = Oidc::new(config)?;
/// println!("{} calls", oidc.verify(token).await?.tenant);
/// # Ok(())
/// # }
/// ```
pub struct Oidc {
    config: OidcConfig,
    jwks: Jwks,
    tokens: Tokens,
    /// Seconds since 1970 (UTC).
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// Who sent a token that was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose calls these are, as the configured claim says: 1 to 256 bytes of text without control characters.
    pub tenant: String,
    /// Who calls (`sub`), in the same form.
    pub subject: String,
    /// When the token ends (`exp`), in seconds since 1970 (UTC).
    pub expires: u64,
}

impl Oidc {
    /// What verifies tokens as `config` says. Nothing is fetched yet.
    ///
    /// # Errors
    /// Why no HTTP client can be made.
    pub fn new(config: OidcConfig) -> Result<Self, String> {
        let source = Arc::new(Source::new(&config)?);
        let fetch = move || {
            let source = Arc::clone(&source);
            async move { source.fetch().await }
        };
        Ok(Self::with(config, Jwks::new(fetch), now))
    }

    pub(super) fn with(config: OidcConfig, jwks: Jwks, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { config, jwks, tokens: Tokens::default(), clock: Box::new(clock) }
    }

    /// Who sent `token`. A token that was found good is not looked at again for a minute, so that a key that leaves the issuer's
    /// list is of use for 11 minutes at most; while the issuer cannot be reached, for a day.
    ///
    /// # Errors
    /// [`TokenError`] says why it is not taken; of these, [`TokenError::Unavailable`] may pass.
    pub async fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        let now = (self.clock)();
        let digest = Digest::of(token.as_bytes());
        if let Some(verified) = self.tokens.find(&digest, now) {
            return Ok(verified);
        }
        let token = Token::parse(token, &self.config.algorithms)?;
        let claimed = token.claims.held_against(&self.config, now)?;
        let key = self.jwks.find(token.key_id.as_deref(), token.algorithm).await?;
        if !token.is_signed_with(&key) {
            return Err(TokenError::Signature);
        }
        self.tokens.keep(digest, &claimed, now);
        Ok(claimed)
    }

    /// Has the issuer's keys at hand, so that the first call does not wait for them.
    ///
    /// # Errors
    /// [`TokenError::Unavailable`]; a call tries again.
    pub async fn load(&self) -> Result<(), TokenError> {
        self.jwks.keys().await.map(drop)
    }

    /// Forgets keys and tokens, as before a snapshot of the process: time stands still for one that starts from it.
    pub fn forget(&self) {
        self.jwks.forget();
        self.tokens.forget();
    }
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("config", &self.config).finish_non_exhaustive()
    }
}
