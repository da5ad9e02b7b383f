//! Oblivious HTTP encapsulation: how a call is sealed between a caller and a function.
//!
//! Two formats, as machines that take and give bytes: [`whole`] messages (RFC 9458 §4) and [`chunked`] ones
//! (draft-ietf-ohai-chunked-ohttp), which stream. Both are HPKE (RFC 9180) in base mode with one of two [`Suite`]s, with the
//! `info` and labels of the specifications and nothing of our own, so that anyone's client can call. What a call is for,
//! such as tenant, model and idempotency key, is bound by being inside.
//!
//! Invariants. A key is chosen by its id alone, never by trial. What has not been authenticated is never handed out, and
//! nothing is once an error was found: the machine then gives that error for ever. Nothing is allocated for a length
//! that has not arrived. Secrets are wiped when dropped, and `Debug` does not show them.
//!
//! Left out on purpose: replay detection, for which [`Opened::encapsulated_key`] is the thing to remember, and what is inside,
//! which is [`bhttp`](crate::bhttp).
//!
//! ```
//! use amaas_wire::ohttp::{KeyRing, PrivateKey, Suite, whole};
//!
//! let ring = KeyRing::new(vec![PrivateKey::generate(1, Suite::XWing)?])?;
//! let key = ring.public_keys().next().expect("one key");
//!
//! let (sealed, opener) = whole::seal_request(&key, b"question")?;
//! let opened = whole::open_request(&ring, &sealed)?;
//! assert_eq!(opened.request, b"question");
//! let sealed = opened.response.seal(b"answer")?;
//! assert_eq!(opener.open(&sealed)?, b"answer");
//! # Ok::<(), amaas_wire::ohttp::OhttpError>(())
//! ```

/// `Debug` for what holds a secret and nothing to show.
macro_rules! redacted {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}
use redacted;

pub mod chunked;
pub mod whole;

mod error;
mod frame;
mod header;
mod hpke;
mod key;
#[cfg(test)]
mod published;
mod random;
mod response;
mod ring;
mod suite;

pub use rand_core;

pub use error::OhttpError;
pub use header::Opened;
pub use key::{PrivateKey, PublicKey};
pub use ring::KeyRing;
pub use suite::Suite;

/// The problem type of a refusal for the key of a request (RFC 9458 §5.3): the caller fetches keys anew and tries once more.
pub const KEY_PROBLEM: &str = "https://iana.org/assignments/http-problem-types#ohttp-key";

/// The problem type of a refusal for a `date` field outside the window (RFC 9458 §6.5.1).
pub const DATE_PROBLEM: &str = "https://iana.org/assignments/http-problem-types#date";
