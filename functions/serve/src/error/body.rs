//! A body that did not arrive, or cannot be read.

use amaas_wire::classify;

/// Why a body was not read.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum BodyError {
    /// More bytes than the limit.
    #[error("the body is larger than the limit of {limit} bytes{}", got.map(|got| format!(": got {got}")).unwrap_or_default())]
    TooLarge { limit: usize, got: Option<u64> },
    /// The route does not accept the media type.
    #[error("content type {got:?} is not accepted here; expected {expected}")]
    MediaType { got: String, expected: &'static str },
    /// The multipart body is malformed.
    #[error("the multipart body: {what}")]
    Multipart { what: String },
    /// The content coding is not supported.
    #[error("content coding {got:?} is not taken here; expected gzip, deflate or none")]
    ContentCoding { got: String },
    /// The body is not a valid stream of its content coding.
    #[error("the body is not whole {coding}{}", if *coding == "deflate" { "; expected the zlib format (RFC 1950), as RFC 9110 has it" } else { "" })]
    Compressed { coding: &'static str },
    /// No byte of the body arrived in time.
    #[error("no byte of the body arrived for {} s", seconds)]
    Timeout { seconds: u64 },
    /// The body arrived too slowly.
    #[error("the body did not arrive within {} s", seconds)]
    Slow { seconds: u64 },
    /// The client closed the connection in the middle of the body.
    #[error("the body broke off")]
    Broken,
    /// The transfer coding of the body is not valid.
    #[error("the body is not whole chunks; expected the chunked transfer coding of RFC 9112 \u{a7}7.1")]
    Chunks,
}

classify! { BodyError {
    Self::Compressed { .. } => 400, "compressed-body", "unreadable compressed body";
    Self::Chunks | Self::Multipart { .. } => 400, "malformed-body", "malformed body";
    Self::Timeout { .. } | Self::Slow { .. } | Self::Broken => 408, "body-timeout", "the body did not arrive";
    Self::TooLarge { .. } => 413, "body-too-large", "body too large";
    Self::MediaType { .. } => 415, "media-type", "unsupported media type";
    Self::ContentCoding { .. } => 415, "content-coding", "unsupported content coding";
} }
