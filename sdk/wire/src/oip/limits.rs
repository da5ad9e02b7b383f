//! Constants of the protocol, and bounds on a message.

/// The header with the number of bytes of a body that are JSON. Without it all are.
pub const HEADER_LENGTH: &str = "inference-header-content-length";
/// The content type of a body with binary data.
pub const MEDIA_TYPE: &str = "application/octet-stream";
/// The most bytes of a request's id, which the answer repeats.
pub(super) const MAX_ID_LEN: usize = 1024;
