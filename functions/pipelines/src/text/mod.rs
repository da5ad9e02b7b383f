//! Pipelines that read texts.

mod beginning;
mod classifier;
mod max_length;
mod network;
mod row;
mod row_outputs;
mod runs;
mod text_classification;
mod tokenizer;

pub use self::text_classification::TextClassification;
pub use self::tokenizer::{EncodedText, TextTokenizer, Truncate};
