//! Oblivious HTTP encapsulation (RFC 9458) with HPKE (RFC 9180), and Binary HTTP messages (RFC 9292) to put inside.
//!
//! Two formats, as state machines that consume and produce bytes: [`whole`] messages (RFC 9458 §4) and [`chunked`] messages
//! (draft-ietf-ohai-chunked-ohttp), which stream. Both use HPKE in base mode with one of two [`Suite`]s: X-Wing, a post-quantum
//! hybrid KEM, or X25519. The `info` and the labels are those of the specifications, so any OHTTP client can call.
//! [`bhttp`] encodes the HTTP message inside, and [`key_list`] the keys that a server publishes.
//!
//! # Invariants
//! - A key is chosen by its id alone, never by trial decryption.
//! - Plaintext is handed out only after it is authenticated. After an error, a state machine repeats that error.
//! - No memory is allocated for a length whose bytes have not arrived.
//! - Secrets are wiped when dropped, and `Debug` does not show them.
//!
//! Not included: replay detection, for which a server remembers [`OpenedRequest::encapsulated_key`], and transport.
//!
//! # Why not the crates `ohttp`, `bhttp` and `hpke`
//! The tests use all three as references: each side of a message is checked against them. This crate differs in four points.
//! - **Speed.** HPKE runs on AWS-LC, in about a quarter of the time of the crate `hpke`. `ohttp` runs on `hpke` or on NSS.
//! - **Sans-I/O streaming.** `ohttp` and `bhttp` stream through `AsyncRead` and `AsyncWrite`. The state machines here have no
//!   reader, writer or runtime, so an HTTP client, a Lambda function and a fuzzer drive the same code.
//! - **Bounded memory.** `bhttp` allocates a buffer as long as a message claims to be. Here [`bhttp::DecodeLimits`] bound head, field
//!   lines and content, and memory grows only with bytes that have arrived.
//! - **Several keys.** An `ohttp` server has one key configuration. A [`KeyRing`] holds a key of each suite, and the previous
//!   keys during a rotation.
//!
//! # Example
//! ```
//! use amaas_ohttp::bhttp::{DecodeLimits, MessageEncoding, Request, RequestHead};
//! use amaas_ohttp::key_list::KeyList;
//! use amaas_ohttp::{KeyRing, PrivateKey, Suite, whole};
//!
//! // The server publishes its keys.
//! let ring = KeyRing::new(vec![PrivateKey::generate(1, Suite::XWing)?, PrivateKey::generate(2, Suite::X25519)?])?;
//! let published = KeyList::new(ring.public_keys()).expect("two keys").encode();
//!
//! // The client seals a request to the best of them.
//! let keys = KeyList::decode(&published)?;
//! let request = Request::new(RequestHead::new("POST", "https", "api.example", "/ask")?, b"question".to_vec());
//! let (sealed, opener) = whole::seal_request(keys.preferred(), &request.encode(MessageEncoding::default()))?;
//!
//! // The server opens it and seals the response to it.
//! let opened = whole::open_request(&ring, &sealed)?;
//! assert_eq!(Request::decode(&opened.request, DecodeLimits::default())?.content, b"question");
//! let sealed = opened.response.seal(b"answer")?;
//!
//! assert_eq!(opener.open(&sealed)?, b"answer");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bhttp;
pub mod chunked;
pub mod key_list;
pub mod whole;

mod debug;
mod error;
mod frame;
mod header;
mod hpke;
mod key;
mod problem;
mod random;
mod response;
mod ring;
mod setup;
mod suite;
#[cfg(test)]
mod test_data;
#[cfg(test)]
mod test_vectors;
mod varint;

pub use error::OhttpError;
pub use key::{PrivateKey, PublicKey};
pub use problem::{DATE_PROBLEM, KEY_PROBLEM};
pub use rand_core;
pub use ring::KeyRing;
pub use setup::OpenedRequest;
pub use suite::Suite;
