//! Inputs and predictions of tasks that more than one model has, so that clients need not define them.

pub(crate) mod base64_file;
mod classification;
mod embedding;
mod generation;
mod image;
mod matching;

pub use classification::{DigitClassification, RankedClassification, ScoredLabel, TextClassification};
pub use embedding::Embedding;
pub(crate) use generation::StopSequences;
pub use generation::{FinishReason, Generation, Prompt};
pub use image::Image;
pub use matching::{ImageAndTexts, RankedTexts, ScoredText};
