//! Errors of bearer tokens.

use std::fmt;
use std::time::Duration;

use amaas_wire::classify;

/// Why a token is refused. The text is for the client, and contains no part of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The token cannot be parsed.
    #[error("malformed bearer token: expected {expected} in the {part}")]
    Malformed {
        /// The malformed part.
        part: TokenPart,
        /// What was expected.
        expected: &'static str,
    },
    /// The token has expired (`exp`).
    #[error("the bearer token has expired")]
    Expired,
    /// The token is not valid yet (`nbf`).
    #[error("the bearer token is not valid yet")]
    NotYetValid,
    /// The token is from another issuer (`iss`).
    #[error("the bearer token is of an issuer that is not trusted here")]
    Issuer,
    /// The token is for another audience (`aud`).
    #[error("the bearer token is for another audience")]
    Audience,
    /// The signature algorithm is not allowed, or does not fit the key.
    #[error("the bearer token is signed with an algorithm that is not taken here, or is not its key's")]
    Algorithm,
    /// The issuer does not list the key.
    #[error("the bearer token is signed with a key that its issuer does not list")]
    UnknownKey,
    /// The signature is not valid.
    #[error("the bearer token's signature is not its issuer's")]
    Signature,
    /// The token names no tenant.
    #[error("the bearer token has no claim {claim:?} that names a tenant: expected 1 to 256 bytes of text")]
    NoTenant {
        /// The configured claim.
        claim: String,
    },
    /// The issuer's keys cannot be fetched. It is the one error that is retryable.
    #[error("bearer tokens cannot be checked at the moment")]
    Unavailable {
        /// The cause, for the log.
        internal: String,
    },
}

classify! { TokenError {
    Self::Malformed { .. } => 401, "token-malformed", "malformed bearer token";
    Self::Expired => 401, "token-expired", "expired bearer token";
    Self::NotYetValid => 401, "token-not-yet-valid", "bearer token of a later time";
    Self::Issuer | Self::Audience | Self::Algorithm | Self::UnknownKey | Self::Signature | Self::NoTenant { .. } =>
        401, "token-refused", "refused bearer token";
    Self::Unavailable { internal } => 503, "tokens-unavailable", "tokens cannot be checked",
        retry = Duration::from_secs(2), log = internal;
} }

/// A part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPart {
    /// The whole token.
    Whole,
    /// The first part.
    Header,
    /// The second part.
    Claims,
}

impl fmt::Display for TokenPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "whole",
            Self::Header => "header",
            Self::Claims => "claims",
        })
    }
}
