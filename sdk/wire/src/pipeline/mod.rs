//! Inputs, parameters and predictions of pipelines, as Hugging Face's task specifications name them.

mod label_score;

pub use self::label_score::LabelScore;
