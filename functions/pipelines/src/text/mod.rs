//! Pipelines that read texts.

mod beginning;
mod classifier;
mod feature_extraction;
mod max_length;
pub(crate) mod network;
mod pooling;
pub(crate) mod row;
mod row_outputs;
mod runs;
mod text_classification;
mod text_ranking;
mod tokenizer;
mod zero_shot_classification;

pub use self::feature_extraction::FeatureExtraction;
pub use self::text_classification::TextClassification;
pub use self::text_ranking::TextRanking;
pub use self::tokenizer::{EncodedText, TextTokenizer, Truncate};
pub use self::zero_shot_classification::ZeroShotClassification;
