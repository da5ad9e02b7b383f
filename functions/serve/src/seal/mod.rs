//! Sealed calls: oblivious HTTP (RFC 9458) around a call's own HTTP, so that gateways, proxies and logs see ciphertext.
//!
//! A call is opened before anything else looks at it, and its answer is sealed after everything else did; the routes in
//! between do not know. The formats are in `sdk/wire`.
//!
//! The private keys are a [`KeySet`] in the model store, each wrapped by the vault; a function unwraps them as they are
//! needed ([`Sealing`]) and follows the set as it is rotated. Whose key is whose is told by ids and times alone: no key is
//! ever tried that a call did not name.

mod answer;
mod arrivals;
mod date;
mod document;
mod error;
mod keys;
mod open;
mod replay;
mod routes;
mod sealing;
mod set;
mod source;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub(crate) use self::arrivals::Arrivals;
pub use self::error::SealingError;
pub(crate) use self::open::open;
pub(crate) use self::replay::SealedCall;
pub(crate) use self::routes::{list, manifest, model_list, model_manifest};
pub use self::sealing::{Policy, Sealing};
pub use self::set::{KeySet, OVERLAP};
