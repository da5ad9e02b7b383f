//! The image processor: an image to the pixels of a network, as `preprocessor_config.json` says.

mod class;
mod crop;
mod image_processor;
mod levels;
mod processed;
mod size;

pub use self::image_processor::ImageProcessor;
pub use self::processed::ProcessedImage;
pub(super) use self::size::letterbox_gain;
