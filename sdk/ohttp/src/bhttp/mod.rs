//! Binary HTTP messages (RFC 9292), the plaintext of sealed messages.
//!
//! [`Request`] and [`Response`] are complete messages. [`Encoder`] writes a message piece by piece, and [`Decoder`] reads one as its
//! bytes arrive, so that server-sent events stream. Both support both forms: in the known-length form parts carry their length, in
//! the indeterminate-length form they end with a zero.
//!
//! # Invariants
//! - A head or field section that can be constructed is valid, so encoding cannot fail.
//! - A decoder holds at most one incomplete element, allocates no memory for bytes that have not arrived, and returns nothing
//!   after an error. The output of a push takes no more memory than its bytes, and about 100 bytes for each of
//!   [`DecodeLimits::lines`], for any number of chunks. Its time is linear in the bytes.
//! - A variable-length integer that is not in its shortest encoding is accepted (RFC 9292 §3). A value beyond a limit, or a
//!   message that ends in an integer, is an error.
//!
//! Not included: `CONNECT` and upgrades, which RFC 9292 §6 excludes, and pseudo-fields of extensions.
//!
//! ```
//! use amaas_ohttp::bhttp::{MessageEncoding, DecodeLimits, Request, RequestHead};
//!
//! let mut head = RequestHead::new("POST", "https", "api.example", "/v1/models/sentiment/predict")?;
//! head.headers.push("content-type", "application/json")?;
//! let request = Request::new(head, br#"{"inputs":["good"]}"#.to_vec());
//! let bytes = request.encode(MessageEncoding::default());
//! assert_eq!(bytes.len() % 32, 0, "padded");
//! assert_eq!(Request::decode(&bytes, DecodeLimits::default())?, request);
//! # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
//! ```

mod control;
mod decoder;
mod encoder;
mod error;
mod fields;
mod form;
mod limits;
mod message;
mod padding;
mod reader;

pub use control::{InformationalResponse, RequestHead, ResponseHead};
pub use decoder::{Decoder, DecoderEvent};
pub use encoder::{Encoder, MessageEncoding};
pub use error::BhttpError;
pub use fields::FieldSection;
pub use form::MessageForm;
pub use limits::DecodeLimits;
pub use message::{Request, Response};
pub use padding::Padding;

/// The media type of a binary HTTP message.
pub const MEDIA_TYPE: &str = "message/bhttp";
