//! Sealing: the keys of the function, and the two stages `seal` and `open` around the transport.
//!
//! Invariants: no credential, idempotency key or payload leaves unsealed. An answer outside the seal is never data, only an error or
//! a reason to retry. There is no fallback to plain calls.

mod cache;
mod call_keys;
mod clock;
mod fetch;
mod key_source;
mod message;
mod sealer;
mod slot;

pub(crate) use key_source::{KeyRequirements, KeySource};
pub(crate) use sealer::CallSealer;
