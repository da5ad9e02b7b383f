//! Verification of bearer tokens.

use std::fmt;
use std::sync::Arc;

use super::fetch::KeyFetcher;
use super::jwks::JwksCache;
use super::token::ParsedToken;
use super::verified::TokenCache;
use super::{OidcConfig, TokenError};
use crate::time::now;
use amaas_wire::Digest;

/// Verifies the tokens of one issuer.
///
/// ```no_run
/// use amaas_access::oidc::{OidcVerifier, OidcConfig};
///
/// # async fn example(token: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let Some(config) = OidcConfig::from_variables(|name| std::env::var(name).ok())? else { return Ok(()) };
/// let oidc = OidcVerifier::new(config)?;
/// println!("{} calls", oidc.verify(token).await?.tenant);
/// # Ok(())
/// # }
/// ```
pub struct OidcVerifier {
    config: OidcConfig,
    jwks: JwksCache,
    tokens: TokenCache,
    /// Seconds since 1970 (UTC).
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// The caller that a valid token identifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The tenant, from the configured claim: 1 to 256 bytes of text without control characters.
    pub tenant: String,
    /// The subject (`sub`), in the same form.
    pub subject: String,
    /// When the token expires (`exp`), in seconds since 1970 (UTC).
    pub expires: u64,
}

impl OidcVerifier {
    /// A verifier with this configuration. Nothing is fetched yet.
    ///
    /// # Errors
    /// Why the HTTP client cannot be created.
    pub fn new(config: OidcConfig) -> Result<Self, String> {
        let source = Arc::new(KeyFetcher::new(&config)?);
        let fetch = move || {
            let source = Arc::clone(&source);
            async move { source.fetch().await }
        };
        Ok(Self::with(config, JwksCache::new(fetch), now))
    }

    pub(super) fn with(config: OidcConfig, jwks: JwksCache, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { config, jwks, tokens: TokenCache::default(), clock: Box::new(clock) }
    }

    /// Verifies `token`. A valid token is cached for a minute, so a key that leaves the issuer's list is accepted for 11 minutes at
    /// most; while the issuer is unreachable, for a day.
    ///
    /// # Errors
    /// [`TokenError`] says why it is refused. After [`TokenError::Unavailable`] a retry may succeed.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        let now = (self.clock)();
        let digest = Digest::of(token.as_bytes());
        if let Some(verified) = self.tokens.find(&digest, now) {
            return Ok(verified);
        }
        let token = ParsedToken::parse(token, &self.config.algorithms)?;
        let claimed = token.claims.check(&self.config, now)?;
        let key = self.jwks.find(token.key_id.as_deref(), token.algorithm).await?;
        if !token.is_signed_with(&key) {
            return Err(TokenError::Signature);
        }
        self.tokens.keep(digest, &claimed, now);
        Ok(claimed)
    }

    /// Fetches the issuer's keys, so that the first call does not wait for them.
    ///
    /// # Errors
    /// [`TokenError::Unavailable`]; the next call tries again.
    pub async fn load(&self) -> Result<(), TokenError> {
        self.jwks.keys().await.map(drop)
    }

    /// Forgets keys and tokens, as before a snapshot of the process: its clock does not advance while it is frozen.
    pub fn forget(&self) {
        self.jwks.forget();
        self.tokens.forget();
    }
}

impl fmt::Debug for OidcVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("config", &self.config).finish_non_exhaustive()
    }
}
