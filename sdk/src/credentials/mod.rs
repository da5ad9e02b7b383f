//! Credentials: what authenticates a client to the service.
//!
//! Invariant: credentials are requested for every attempt, so that one that expires during a wait is not sent. They are wiped when
//! dropped, and no `Debug` shows them.

mod authorization;
mod cached;
mod identity;
mod provider;

pub use authorization::Authorization;
pub use cached::CachedCredentials;
pub(crate) use identity::{CallIdentity, ClientCredentials};
pub use provider::{AuthorizationFuture, CredentialProvider};
