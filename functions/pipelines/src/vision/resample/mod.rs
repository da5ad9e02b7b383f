//! Image resampling, equal to `Image.resize` of Pillow 13 to the bit, and to `INTER_LINEAR` of `OpenCV`.
//!
//! A network was trained on images that Pillow resized, and `transformers` resizes with it. The crates `image` and `fast_image_resize` use
//! the same filters, but round differently: their pixels differ from Pillow's by a level or more, so that scores differ too.

mod filter;
mod opencv;
mod resampler;
mod resize;
mod windows;

pub use self::filter::ResampleFilter;
pub(super) use self::opencv::resize_like_opencv;
pub(super) use self::resampler::Resampler;
pub use self::resize::resize;
