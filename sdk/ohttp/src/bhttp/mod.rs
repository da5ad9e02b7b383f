//! Binary HTTP messages (RFC 9292): what is inside a sealed call.
//!
//! [`Request`] and [`Response`] are whole messages; [`Encoder`] writes one piece by piece and [`Decoder`] reads one as
//! its bytes arrive, so that server-sent events stream. Both forms of the format are read and written: the known-length
//! form, whose parts carry their length, and the indeterminate-length form, whose parts end with a zero.
//!
//! Invariants. A head or a field section that can be built is valid, so encoding cannot fail. A decoder holds at most
//! one incomplete element, never reserves memory for bytes that have not arrived, and hands out nothing more once it has
//! found an error. What it gives of the bytes of one push takes no more memory than those bytes, and some 100 bytes for each
//! of [`Limits::lines`], however many chunks the content is cut into; its time is linear in the bytes. A variable-length integer in more bytes than it needs is accepted, as RFC 9292 §3 has it; one whose
//! value passes a limit or that the message ends within is an error.
//!
//! Left out on purpose: `CONNECT` and upgrades, which RFC 9292 §6 calls pointless here, and pseudo-fields of extensions.
//!
//! ```
//! use amaas_ohttp::bhttp::{Encoding, Limits, Request, RequestHead};
//!
//! let mut head = RequestHead::new("POST", "https", "api.example", "/v1/models/sentiment/predict")?;
//! head.headers.push("content-type", "application/json")?;
//! let request = Request::new(head, br#"{"inputs":["good"]}"#.to_vec());
//! let bytes = request.encode(Encoding::default());
//! assert_eq!(bytes.len() % 32, 0, "padded");
//! assert_eq!(Request::decode(&bytes, Limits::default())?, request);
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

pub use control::{Informational, RequestHead, ResponseHead};
pub use decoder::{Decoder, Event};
pub use encoder::{Encoder, Encoding};
pub use error::BhttpError;
pub use fields::Fields;
pub use form::Form;
pub use limits::Limits;
pub use message::{Request, Response};
pub use padding::Padding;

/// The media type of a binary HTTP message.
pub const MEDIA_TYPE: &str = "message/bhttp";
