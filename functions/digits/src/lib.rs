//! Handwritten digits: the task around the convolutional network of `model/`.

#[cfg(feature = "publish")]
mod bundle;
mod digit;
mod task;

#[cfg(feature = "publish")]
pub use self::bundle::bundle;
pub use self::digit::{PIXELS, SIDE, digit};
pub use self::task::Digits;
