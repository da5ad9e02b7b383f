//! Handwritten digits: the task around the convolutional network of `model/`.

mod bundle;
mod decode;
mod digit;
mod task;

pub use self::bundle::bundle;
pub use self::task::Digits;
