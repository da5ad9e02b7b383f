//! Callers with a bearer token (a JWT, RFC 7519) of one OpenID Connect issuer, in the place of an API key.
//!
//! A token goes through `take apart → claims → key → signature`. The claims are held against the configuration first, since
//! that costs nothing: a token for somebody else has no key looked for.
//!
//! Invariants: nothing that a token says is used before its signature was found good, but to refuse it; a token is verified with a
//! key of the issuer's own list and nothing else, whatever it brings along (`jwk`, `jku`, `x5c`, `x5u`); only algorithms that the
//! configuration names are taken, none of which has a shared secret; no error holds anything of a token.
//!
//! What it leaves out on purpose: tokens that have to be asked about (RFC 7662), encrypted ones (JWE), and revocation of single
//! tokens; a token is good until it expires, or until its key leaves the issuer's list.

mod algorithms;
mod claims;
mod config;
mod error;
mod fetch;
mod jwks;
mod keys;
mod token;
mod verified;
mod verify;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use self::algorithms::Algorithms;
pub use self::claims::ClaimPath;
pub use self::config::OidcConfig;
pub use self::error::{Part, TokenError};
pub use self::verify::{Oidc, Verified};
