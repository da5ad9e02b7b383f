//! Why a binary HTTP message is refused.

/// The rule of RFC 9292 or the limit that a message breaks. The error holds no part of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BhttpError {
    /// The framing indicator is not one of the two for this kind of message.
    #[error("framing indicator {found}: expected {known} or {indeterminate}")]
    Framing {
        /// The indicator that arrived.
        found: u64,
        /// The indicator of the known-length form.
        known: u64,
        /// The indicator of the indeterminate-length form.
        indeterminate: u64,
    },
    /// The message ends in a part, or before a part that is required.
    #[error("the message ends within {0}")]
    Truncated(&'static str),
    /// Control data and field sections together pass [`DecodeLimits::head`](super::DecodeLimits::head).
    #[error("control data and fields take more than {limit} bytes")]
    HeadTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// There are more field lines and informational responses than [`DecodeLimits::lines`](super::DecodeLimits::lines).
    #[error("more than {limit} field lines")]
    TooManyLines {
        /// The limit.
        limit: usize,
    },
    /// The content passes [`DecodeLimits::content`](super::DecodeLimits::content).
    #[error("the content takes more than {limit} bytes")]
    ContentTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The method, scheme, authority or path of a request is malformed.
    #[error("malformed {0} in the control data of the request")]
    Control(&'static str),
    /// The status is outside 100 to 599.
    #[error("status {0}: expected 100 to 599")]
    Status(u64),
    /// A field line goes past the end of its section.
    #[error("a field line goes past the end of its section")]
    FieldOverrun,
    /// A field name is empty or has a character that RFC 9110 §5.1 forbids.
    #[error("a field name is empty or has a character that is not allowed")]
    FieldName,
    /// A field is named like a pseudo-field, such as `:path`.
    #[error("a pseudo-field is among the fields")]
    PseudoField,
    /// A field value has NUL, CR or LF, or begins or ends with a blank (RFC 9113 §8.2.1).
    #[error("a field value has a character that is not allowed")]
    FieldValue,
    /// A byte of the padding is not zero.
    #[error("the padding has a byte that is not zero")]
    Padding,
}
