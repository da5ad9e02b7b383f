//! Inputs, parameters and predictions of pipelines, as Hugging Face's task specifications name them.

mod function_to_apply;
mod image_classification;
mod image_features;
mod label_score;
mod text_classification;
mod text_or_pair;

pub use self::function_to_apply::FunctionToApply;
pub use self::image_classification::ImageClassificationParameters;
pub use self::image_features::{ImageFeatureExtractionParameters, ImageFeatures};
pub use self::label_score::LabelScore;
pub use self::text_classification::TextClassificationParameters;
pub use self::text_or_pair::TextOrPair;
