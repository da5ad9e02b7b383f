//! Pipelines that read images.

mod detection;
mod example;
mod image_classification;
mod image_feature_extraction;
mod inputs;
mod ocr;
#[cfg(test)]
pub(crate) mod picture;
mod processor;
mod resample;
mod runs;
mod segmentation;
mod values;

pub use self::detection::ObjectDetection;
pub use self::image_classification::ImageClassification;
pub use self::image_feature_extraction::ImageFeatureExtraction;
pub use self::inputs::ImageInputs;
pub use self::ocr::TextRecognition;
pub use self::processor::{ImageProcessor, ProcessedImage};
pub use self::resample::{ResampleFilter, resize};
pub use self::runs::ImageNetwork;
pub use self::segmentation::ImageSegmentation;
#[cfg(feature = "text")]
mod zero_shot_image_classification;
#[cfg(feature = "text")]
pub use self::zero_shot_image_classification::ZeroShotImageClassification;
