//! Image files to pixels, for the functions that read images: [`grey`], [`colour`] or [`rgb`], within bounds.

mod decode;

pub use self::decode::{ImageDecodeError, MAX_MEMORY_BYTES, MAX_PIXELS, colour, grey, rgb};
