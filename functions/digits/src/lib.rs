//! Handwritten digits: the task around the convolutional network of `model/`.

mod bundle;
mod digit;
mod task;

pub use self::bundle::bundle;
pub use self::digit::{PIXELS, SIDE, digit};
pub use self::task::Digits;
