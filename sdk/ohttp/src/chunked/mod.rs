//! Messages that are sealed in chunks: `message/ohttp-chunked-req` and `message/ohttp-chunked-res`
//! (draft-ietf-ohai-chunked-ohttp), so that a side can send and read before the other is done.
//!
//! Each machine takes what is there and gives what it makes of it. A message of one piece is one final chunk, which
//! [`seal_request`], [`open_request`], [`PendingResponse::seal`] and [`ResponseOpener::open`] make and read.
//!
//! Stricter than the draft in two things: the length of a chunk is read in its shortest form only, which every sender
//! known to us writes, and no chunk holds more than [`MAX_CHUNK_LEN`] bytes, the least that the draft has everyone accept.
//! A final chunk has no length, so bytes after it are taken for a part of it and refused as such.
//!
//! ```
//! use amaas_ohttp::{KeyRing, PrivateKey, Suite, chunked};
//!
//! let ring = KeyRing::new(vec![PrivateKey::generate(1, Suite::X25519)?])?;
//! let key = ring.public_keys().next().expect("one key");
//! let (sealed, mut caller) = chunked::seal_request(&key, b"count to two")?;
//! let opened = chunked::open_request(&ring, &sealed)?;
//!
//! let mut wire = Vec::new();
//! let mut function = opened.response.start(&mut wire)?;
//! function.push(b"one ", &mut wire)?;
//! assert_eq!(caller.push(&wire)?, b"one ");
//! wire.clear();
//! function.finish(b"two", &mut wire)?;
//! caller.push(&wire)?;
//! assert_eq!(caller.finish()?, b"two");
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
