//! The feature extractor that an export names.

use amaas_model::task::{Assets, TaskError};
use serde::de::DeserializeOwned;

use super::{AstFeatureExtractor, SeamlessFeatureExtractor, Wav2Vec2FeatureExtractor, WhisperFeatureExtractor};
use crate::export::ConfigFile;

/// What a network takes of one sound.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioFeatures {
    /// The name of the network's input.
    pub name: &'static str,
    /// The shape, without a batch.
    pub shape: Vec<usize>,
    /// The values, in row-major order.
    pub values: Vec<f32>,
    /// The length of the attention mask: frames, or samples if those are the features.
    pub frames: usize,
    /// The frames at the end that the mask hides.
    pub hidden: usize,
}

/// The feature extractor that an export names in `preprocessor_config.json`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FeatureExtractor {
    /// `Wav2Vec2FeatureExtractor`: wav2vec2, HuBERT, WavLM, SEW, UniSpeech, Data2VecAudio.
    Wav2Vec2(Wav2Vec2FeatureExtractor),
    /// `ASTFeatureExtractor`: Audio Spectrogram Transformer.
    Ast(AstFeatureExtractor),
    /// `WhisperFeatureExtractor`.
    Whisper(WhisperFeatureExtractor),
    /// `SeamlessM4TFeatureExtractor`: wav2vec2-BERT.
    Seamless(SeamlessFeatureExtractor),
}

impl FeatureExtractor {
    /// The name of the file that describes it.
    pub const FILE: &'static str = "preprocessor_config.json";

    /// Reads `preprocessor_config.json`.
    ///
    /// # Errors
    /// If it was not published, names another extractor, or has a field that is out of bounds.
    pub fn read(assets: &Assets) -> Result<Self, TaskError> {
        Self::of(&ConfigFile::read(assets, Self::FILE)?)
    }

    /// The extractor of `config`.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub fn of(config: &ConfigFile) -> Result<Self, TaskError> {
        const FIELD: &str = "feature_extractor_type";
        match config.required::<String>(FIELD)?.as_str() {
            "Wav2Vec2FeatureExtractor" => Wav2Vec2FeatureExtractor::of(config).map(Self::Wav2Vec2),
            "ASTFeatureExtractor" => AstFeatureExtractor::of(config).map(Self::Ast),
            "WhisperFeatureExtractor" => WhisperFeatureExtractor::of(config).map(Self::Whisper),
            "SeamlessM4TFeatureExtractor" => SeamlessFeatureExtractor::of(config).map(Self::Seamless),
            other => Err(config.error(
                FIELD,
                format!(
                    "expected Wav2Vec2FeatureExtractor, ASTFeatureExtractor, WhisperFeatureExtractor or \
                     SeamlessM4TFeatureExtractor, got {other:?}"
                ),
            )),
        }
    }

    /// The sampling rate that it takes, in hertz.
    pub fn rate(&self) -> u32 {
        match self {
            Self::Wav2Vec2(extractor) => extractor.rate(),
            Self::Whisper(extractor) => extractor.rate(),
            Self::Ast(_) | Self::Seamless(_) => super::kaldi::KALDI_RATE,
        }
    }

    /// The features of `samples`, which have its sampling rate.
    pub fn extract(&self, samples: &[f32]) -> AudioFeatures {
        match self {
            Self::Wav2Vec2(extractor) => extractor.extract(samples),
            Self::Ast(extractor) => extractor.extract(samples),
            Self::Whisper(extractor) => extractor.extract(samples),
            Self::Seamless(extractor) => extractor.extract(samples),
        }
    }
}

/// The number in `field`, from 1 to `most`; `default` if there is none.
pub(super) fn bounded(config: &ConfigFile, field: &str, default: usize, most: usize) -> Result<usize, TaskError> {
    let value = optional(config, field)?.unwrap_or(default);
    if (1..=most).contains(&value) {
        Ok(value)
    } else {
        Err(config.error(field, format!("expected 1 to {most}, got {value}")))
    }
}

/// Checks that the sampling rate is `rate`, which is the default.
pub(super) fn expect_rate(config: &ConfigFile, rate: u32) -> Result<(), TaskError> {
    match optional(config, "sampling_rate")?.unwrap_or(rate) {
        got if got == rate => Ok(()),
        got => Err(config.error("sampling_rate", format!("expected {rate}, got {got}"))),
    }
}

fn optional<T: DeserializeOwned>(config: &ConfigFile, field: &str) -> Result<Option<T>, TaskError> {
    config.optional(field)
}
