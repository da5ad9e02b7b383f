//! Pipelines that read texts.

mod beginning;
mod characters;
mod classifier;
mod entities;
mod feature_embeddings;
mod feature_extraction;
mod fill_mask;
mod max_length;
pub(crate) mod network;
mod pooling;
mod question_answering;
pub(crate) mod row;
mod row_outputs;
mod runs;
mod spans;
mod special_tokens;
mod text_classification;
mod text_ranking;
mod token_classification;
mod tokenizer;
mod truncation;
mod zero_shot_classification;

pub use self::feature_extraction::FeatureExtraction;
pub use self::fill_mask::FillMask;
pub use self::question_answering::QuestionAnswering;
pub use self::text_classification::TextClassification;
pub use self::text_ranking::TextRanking;
pub use self::token_classification::TokenClassification;
pub use self::tokenizer::{EncodedText, TextTokenizer, Truncate};
pub use self::zero_shot_classification::ZeroShotClassification;
