//! How much of a message a decoder takes.

/// Bounds on a message that is being decoded. Reaching one is fine, passing it is an error.
///
/// ```
/// use amaas_ohttp::bhttp::{BhttpError, Limits, Response};
///
/// let limits = Limits { content: 4, ..Limits::default() };
/// let five = b"\x01\x40\xc8\x00\x05hello";
/// assert_eq!(Response::decode(five, limits), Err(BhttpError::ContentTooLarge { limit: 4 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of control data and of all field sections together, informational responses and trailers included.
    pub head: usize,
    /// Field lines of all sections together; an informational response counts as one more.
    pub lines: usize,
    /// Bytes of content.
    pub content: u64,
}

impl Default for Limits {
    /// 64 KiB of control data and fields in 256 lines, which is more than common servers take, and 16 MiB of content.
    fn default() -> Self {
        Self { head: 64 << 10, lines: 256, content: 16 << 20 }
    }
}
