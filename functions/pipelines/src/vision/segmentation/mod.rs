//! `image-segmentation`: semantic, panoptic and instance segmentation.

mod channels;
mod image_segmentation;
mod instances;
mod label_map;
mod panoptic;
mod query_masks;
mod segmenter;
mod semantic;

pub use self::image_segmentation::ImageSegmentation;
