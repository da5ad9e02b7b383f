//! Messages that are sealed in chunks: `message/ohttp-chunked-req` and `message/ohttp-chunked-res`
//! (draft-ietf-ohai-chunked-ohttp), so that both sides can stream.
//!
//! Each state machine takes the bytes that are available and returns what they complete. A message of one piece is one final
//! chunk: [`seal_request`], [`open_request`], [`PendingResponse::seal`] and [`ResponseOpener::open`] are for that case.
//!
//! Stricter than the draft in two points. The length of a chunk has to be in its shortest encoding, as all known senders write it.
//! A chunk holds at most [`MAX_CHUNK_LEN`] bytes, which the draft requires every receiver to accept.
//! A final chunk has no length, so bytes after it count as a part of it and fail authentication.
//!
//! ```
//! use amaas_ohttp::{KeyRing, PrivateKey, Suite, chunked};
//!
//! let ring = KeyRing::new(vec![PrivateKey::generate(1, Suite::X25519)?])?;
//! let key = ring.public_keys().next().expect("one key");
//! let (sealed, mut client) = chunked::seal_request(&key, b"count to two")?;
//! let opened = chunked::open_request(&ring, &sealed)?;
//!
//! let mut wire = Vec::new();
//! let mut server = opened.response.start(&mut wire)?;
//! server.push(b"one ", &mut wire)?;
//! assert_eq!(client.push(&wire)?, b"one ");
//! wire.clear();
//! server.finish(b"two", &mut wire)?;
//! client.push(&wire)?;
//! assert_eq!(client.finish()?, b"two");
//! # Ok::<(), amaas_ohttp::OhttpError>(())
//! ```

mod request;
mod response;

pub use crate::frame::MAX_CHUNK_LEN;
pub use request::{RequestOpener, RequestSealer, open_request, seal_request, seal_request_with};
pub use response::{PendingResponse, ResponseOpener, ResponseSealer};

/// The media type of a sealed request.
pub const REQUEST_MEDIA_TYPE: &str = "message/ohttp-chunked-req";
/// The media type of a sealed response.
pub const RESPONSE_MEDIA_TYPE: &str = "message/ohttp-chunked-res";
