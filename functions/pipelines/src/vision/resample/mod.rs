//! Image resampling, equal to `Image.resize` of Pillow 13 to the bit.
//!
//! A network was trained on images that Pillow resized, and `transformers` resizes with it. The crates `image` and `fast_image_resize` use
//! the same filters, but round differently: their pixels differ from Pillow's by a level or more, so that scores differ too.

mod filter;
mod resize;
mod windows;

pub use self::filter::ResampleFilter;
pub use self::resize::resize;
