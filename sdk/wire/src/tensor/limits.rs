//! Bounds on what a message may say of a tensor.

/// The most dimensions of a tensor. ONNX networks in use have at most eight.
pub const MAX_RANK: usize = 16;
/// The most bytes of a tensor's name in a message. An error repeats the name, so a name must not carry payload.
pub const MAX_NAME_LEN: usize = 256;
