//! Image files to pixels, for the functions that read images: [`grey`] or [`colour`], within bounds.

mod decode;

pub use self::decode::{MOST_MEMORY, MOST_PIXELS, NoImage, colour, grey};
