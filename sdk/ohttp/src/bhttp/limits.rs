//! Bounds on decoding.

/// Bounds on a decoded message, each inclusive.
///
/// ```
/// use amaas_ohttp::bhttp::{BhttpError, DecodeLimits, Response};
///
/// let limits = DecodeLimits { content: 4, ..DecodeLimits::default() };
/// let five = b"\x01\x40\xc8\x00\x05hello";
/// assert_eq!(Response::decode(five, limits), Err(BhttpError::ContentTooLarge { limit: 4 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Bytes of control data and of all field sections together, informational responses and trailers included.
    pub head: usize,
    /// Field lines of all sections together; an informational response counts as one more.
    pub lines: usize,
    /// Bytes of content.
    pub content: u64,
}

impl Default for DecodeLimits {
    /// 64 KiB of control data and fields in 256 lines, which is more than common servers accept, and 16 MiB of content.
    fn default() -> Self {
        Self { head: 64 << 10, lines: 256, content: 16 << 20 }
    }
}
