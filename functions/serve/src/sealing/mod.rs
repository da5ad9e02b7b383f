//! The keys of sealed calls, and the checks of sealed calls before they are accepted.
//!
//! The private keys are a [`KeySet`] in the model store, each wrapped by the vault. A function unwraps them when it needs them
//! ([`Sealing`]) and follows rotations of the set. Ids and times alone select the key: a function tries only the key that a call names.

mod date;
mod document;
mod error;
mod keys;
mod replay;
mod sealed_bodies;
#[allow(clippy::module_inception)]
mod sealing;
mod set;
pub(crate) mod source;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use self::date::check_date;
pub use self::error::SealingError;
pub(crate) use self::replay::SealedCall;
pub(crate) use self::sealed_bodies::{HeldBytes, SealedBodies};
pub use self::sealing::{ReplayPolicy, Sealing, SealingPolicy};
pub use self::set::{DEFAULT_OVERLAP, KeySet};

/// Marks a request that was sealed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealedRequest;
