//! Sealed calls: oblivious HTTP (RFC 9458) around a call's own HTTP, so that gateways, proxies and logs see ciphertext.
//!
//! A call is opened before anything else looks at it, and its answer is sealed after everything else did; the routes in
//! between do not know. The formats are in `sdk/wire`.
//!
//! Not here yet: private keys under KMS, their rotation, and the refusal of calls that are replayed.

mod answer;
mod keys;
mod open;
mod routes;

pub use self::keys::{KeyFile, Policy, Sealing, SealingError};
pub(crate) use self::open::open;
pub(crate) use self::routes::{list, manifest};
