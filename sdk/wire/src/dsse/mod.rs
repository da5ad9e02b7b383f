//! Signed documents: DSSE envelopes (Dead Simple Signing Envelope, protocol version 1.0.2) with Ed25519 (RFC 8032).
//!
//! A signature covers the bytes of the payload and its type. So no canonical form of JSON is needed, and a document of one kind
//! never passes for another kind. Key manifests and receipts are such documents.
//!
//! Invariants: [`Envelope::verify`] is the only way to a payload, except for a method that says in its name that it does not
//! verify, which only receipts use. Signatures by other keys are skipped, as the protocol requires. Every signature by a trusted
//! key has to be valid, and at least one has to be present. Verification is strict: weak keys and malleable signatures are refused.
//!
//! amaas writes all of these documents, so it can be stricter than the protocol: only standard base64, a `keyid` on every
//! signature, and no unknown fields.
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

mod encoding;
mod envelope;
mod error;
mod key;

pub use encoding::pre_authentication_encoding;
pub use envelope::Envelope;
pub use error::DsseError;
pub use key::{SigningKey, VerifyingKey};
