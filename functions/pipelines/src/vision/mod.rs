//! Pipelines that read images.

mod resample;

pub use self::resample::{ResampleFilter, resize};
