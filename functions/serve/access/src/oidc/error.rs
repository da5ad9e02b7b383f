//! Why a token is not taken.

use std::fmt;
use std::time::Duration;

use amaas_wire::classify;

/// Why a token is not taken. The text is for the caller; it holds nothing of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is not a token that can be read.
    #[error("malformed bearer token: expected {expected} in the {part}")]
    Malformed {
        /// Which part is wrong.
        part: Part,
        /// What should stand there.
        expected: &'static str,
    },
    /// It is past its end (`exp`).
    #[error("the bearer token has expired")]
    Expired,
    /// Its time has not begun (`nbf`).
    #[error("the bearer token is not valid yet")]
    NotYetValid,
    /// It is of another issuer (`iss`).
    #[error("the bearer token is of an issuer that is not trusted here")]
    Issuer,
    /// It is for somebody else (`aud`).
    #[error("the bearer token is for another audience")]
    Audience,
    /// It is signed in a way that is not taken, or that is not its key's.
    #[error("the bearer token is signed with an algorithm that is not taken here, or is not its key's")]
    Algorithm,
    /// The issuer has no such key.
    #[error("the bearer token is signed with a key that its issuer does not list")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the bearer token's signature is not its issuer's")]
    Signature,
    /// It does not say whose calls these are.
    #[error("the bearer token has no claim {claim:?} that names a tenant: expected 1 to 256 bytes of text")]
    NoTenant {
        /// The claim that should, as it is configured.
        claim: String,
    },
    /// The issuer's keys cannot be had. It is the one error that passes.
    #[error("bearer tokens cannot be checked at the moment")]
    Unavailable {
        /// What the log should say.
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
pub enum Part {
    /// All of it.
    Whole,
    /// The first part.
    Header,
    /// The second part.
    Claims,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "whole",
            Self::Header => "header",
            Self::Claims => "claims",
        })
    }
}
