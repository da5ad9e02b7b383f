//! OpenID Connect: bearer tokens (JWT, RFC 7519) of one issuer in place of an API key.
//!
//! A token passes `parse → claims → key → signature`. The claims are checked against the configuration first, since that costs
//! nothing: no key is fetched for a token of another audience.
//!
//! Invariants: nothing in a token is used before its signature is verified, except to refuse it; a token is verified with a key of
//! the issuer's own list only, whatever it carries (`jwk`, `jku`, `x5c`, `x5u`); only algorithms that the configuration names are
//! accepted, and none of them has a shared secret; no error contains any part of a token.
//!
//! It leaves out token introspection (RFC 7662), encrypted tokens (JWE), and revocation of single tokens: a token is valid until it
//! expires, or until its key leaves the issuer's list.
//!
//! Written by hand around `jsonwebtoken`, which verifies the signatures: `openidconnect` implements the client's side, not a resource
//! server's, and no crate caches the issuer's keys with the bounds of `jwks`.

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

pub use self::algorithms::AllowedAlgorithms;
pub use self::claims::ClaimPath;
pub use self::config::OidcConfig;
pub use self::error::{TokenError, TokenPart};
pub use self::verify::{OidcVerifier, VerifiedToken};
