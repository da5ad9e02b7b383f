//! Signed documents: DSSE envelopes (Dead Simple Signing Envelope, protocol version 1.0.2) with Ed25519 (RFC 8032).
//!
//! What is signed is the payload as it stands, together with its type, so that no canonical form of JSON is needed and a
//! document of one kind never passes for one of another. The manifest of a function's keys is such a document, and so is the
//! receipt of a call.
//!
//! Invariants. [`Envelope::verify`] is the only way to a payload, but for what says in its name that it is not verified, which
//! receipts alone have. Signatures by keys that are not asked for are skipped, as
//! the protocol has it; every one by a key that is asked for has to hold, and one at least has to be there. Verification is
//! strict: weak keys and signatures that can be varied are refused.
//!
//! Stricter than the protocol where that costs nobody anything, for we are the only ones to write these documents: standard
//! base64 alone, a `keyid` on every signature, and no fields that are not known.
//!
//! ```
//! use amaas_wire::dsse::{Envelope, SigningKey};
//!
//! let (current, next) = (SigningKey::generate()?, SigningKey::generate()?);
//! let document = Envelope::sign("text/plain", b"hello world".to_vec(), &[&current, &next]).to_json();
//! let envelope = Envelope::from_json(&document)?;
//! assert_eq!(envelope.verify("text/plain", &[next.verifying_key()])?, b"hello world");
//! # Ok::<(), amaas_wire::dsse::DsseError>(())
//! ```

mod envelope;
mod error;
mod key;

pub use envelope::{Envelope, pre_authentication_encoding};
pub use error::DsseError;
pub use key::{SigningKey, VerifyingKey};
