//! The keys of sealed calls, and which sealed calls are taken.
//!
//! The private keys are a [`KeySet`] in the model store, each wrapped by the vault; a function unwraps them as they are
//! needed ([`Sealing`]) and follows the set as it is rotated. Whose key is whose is told by ids and times alone: no key is
//! ever tried that a call did not name.

mod arrivals;
mod date;
mod document;
mod error;
mod keys;
mod replay;
#[allow(clippy::module_inception)]
mod sealing;
mod set;
pub(crate) mod source;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use self::arrivals::{HeldBytes, SealedBodies};
pub(crate) use self::date::check as check_date;
pub use self::error::SealingError;
pub(crate) use self::replay::SealedCall;
pub use self::sealing::{ReplayPolicy, Sealing, SealingPolicy};
pub use self::set::{KeySet, OVERLAP};

/// Marks a call that came sealed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealedRequest;
