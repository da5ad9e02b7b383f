//! Feature extractors: a sound to what the network takes, as `preprocessor_config.json` says.

mod ast;
mod extractor;
mod kaldi;
mod mel;
mod seamless;
mod spectrum;
mod wav2vec2;
mod whisper;

pub use self::ast::AstFeatureExtractor;
pub use self::extractor::{AudioFeatures, FeatureExtractor};
pub use self::seamless::SeamlessFeatureExtractor;
pub use self::wav2vec2::Wav2Vec2FeatureExtractor;
pub use self::whisper::WhisperFeatureExtractor;
