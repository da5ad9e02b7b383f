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

impl AudioFeatures {
    /// Adds hidden samples, up to `samples`, to features that are samples.
    pub(crate) fn pad(&mut self, samples: usize, value: f32) {
        self.hidden += samples.saturating_sub(self.values.len());
        self.values.resize(samples, value);
        (self.shape, self.frames) = (vec![samples], samples);
    }
}

/// The feature extractor that an export names in `preprocessor_config.json`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FeatureExtractor {
    /// `Wav2Vec2FeatureExtractor`: wav2vec2, `HuBERT`, `WavLM`, SEW, `UniSpeech`, `Data2VecAudio`.
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

    /// The name of its features, and their shape without a batch; dimensions that depend on the sound are `None`.
    pub fn output(&self) -> (&'static str, Vec<Option<usize>>) {
        match self {
            Self::Wav2Vec2(_) => (INPUT_VALUES, vec![None]),
            Self::Ast(extractor) => (INPUT_VALUES, extractor.shape().map(Some).to_vec()),
            Self::Whisper(extractor) => (INPUT_FEATURES, extractor.shape().map(Some).to_vec()),
            Self::Seamless(extractor) => (INPUT_FEATURES, vec![None, Some(extractor.width())]),
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

pub(super) const INPUT_VALUES: &str = "input_values";
pub(super) const INPUT_FEATURES: &str = "input_features";

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

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    /// What an extractor of `transformers` 4.41 gives for [`sound`].
    #[derive(Deserialize)]
    struct Extracted {
        name: String,
        samples: u32,
        config: Value,
        input: String,
        shape: Vec<usize>,
        step: usize,
        values: Vec<f32>,
        mean: f64,
        mask_sum: Option<usize>,
    }

    #[allow(clippy::cast_possible_truncation)]
    fn sound(samples: u32) -> Vec<f32> {
        let sample = |i: f64| (0.4 * (i * 0.05).sin() + 0.2 * (i * i * 1e-5).sin() + 0.1 * (i * 1.7).sin()) as f32;
        (0..samples).map(|place| sample(f64::from(place))).collect()
    }

    fn extractor(config: &Value) -> Result<FeatureExtractor, String> {
        let config = ConfigFile::parse(FeatureExtractor::FILE, config.to_string().as_bytes()).expect("an object");
        FeatureExtractor::of(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn features_are_those_of_transformers() {
        let cases: Vec<Extracted> = serde_json::from_str(include_str!("transformers.json")).expect("the fixture");
        assert_eq!(cases.len(), 9);
        for case in cases {
            let extractor = extractor(&case.config).unwrap_or_else(|error| panic!("{}: {error}", case.name));
            let (input, shape) = extractor.output();
            let got = extractor.extract(&sound(case.samples));
            assert_eq!((got.name, &got.shape), (case.input.as_str(), &case.shape), "{}", case.name);
            assert!(shape.iter().zip(&got.shape).all(|(size, got)| size.is_none_or(|size| size == *got)));
            assert_eq!(input, got.name, "{}", case.name);
            let sampled: Vec<f32> = got.values.iter().step_by(case.step).copied().collect();
            assert_eq!(sampled.len(), case.values.len(), "{}", case.name);
            for (got, expected) in sampled.iter().zip(&case.values) {
                assert!((got - expected).abs() < 1e-4, "{}: expected {expected}, got {got}", case.name);
            }
            #[allow(clippy::cast_precision_loss)]
            let mean = got.values.iter().map(|value| f64::from(*value)).sum::<f64>() / got.values.len() as f64;
            assert!((mean - case.mean).abs() < 1e-4, "{}: expected a mean of {}, got {mean}", case.name, case.mean);
            assert_eq!(case.mask_sum.unwrap_or(got.frames - got.hidden), got.frames - got.hidden, "{}", case.name);
        }
    }

    #[test]
    fn sounds_of_any_length_have_features() {
        for kind in ["Wav2Vec2", "AST", "Whisper", "SeamlessM4T"] {
            let extractor = extractor(&json!({ "feature_extractor_type": format!("{kind}FeatureExtractor") }));
            let extractor = extractor.expect("defaults");
            for samples in [0, 1, 399, 400, 401, 560, 561] {
                let got = extractor.extract(&vec![0.25; samples]);
                assert_eq!(got.values.len(), got.shape.iter().product::<usize>(), "{kind} {samples}");
                assert!(got.values.iter().all(|value| value.is_finite()), "{kind} {samples}");
            }
        }
    }

    #[test]
    fn what_cannot_be_extracted_is_refused_with_its_field() {
        for (config, expected) in [
            (json!({}), "preprocessor_config.json: feature_extractor_type: expected a value, got none"),
            (
                json!({ "feature_extractor_type": "ClapFeatureExtractor" }),
                "preprocessor_config.json: feature_extractor_type: expected Wav2Vec2FeatureExtractor, ASTFeatureExtractor, \
                 WhisperFeatureExtractor or SeamlessM4TFeatureExtractor, got \"ClapFeatureExtractor\"",
            ),
            (
                json!({ "feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 80 }),
                "preprocessor_config.json: feature_size: expected 1, got 80",
            ),
            (
                json!({ "feature_extractor_type": "ASTFeatureExtractor", "sampling_rate": 8000 }),
                "preprocessor_config.json: sampling_rate: expected 16000, got 8000",
            ),
            (
                json!({ "feature_extractor_type": "ASTFeatureExtractor", "std": 0.0 }),
                "preprocessor_config.json: std: expected a positive number, got 0",
            ),
            (
                json!({ "feature_extractor_type": "WhisperFeatureExtractor", "hop_length": 0 }),
                "preprocessor_config.json: hop_length: expected 1 to 4096, got 0",
            ),
            (
                json!({ "feature_extractor_type": "WhisperFeatureExtractor", "n_fft": 401 }),
                "preprocessor_config.json: n_fft: expected an even number, got 401",
            ),
            (
                json!({ "feature_extractor_type": "SeamlessM4TFeatureExtractor", "stride": 3 }),
                "preprocessor_config.json: stride: expected 2, got 3",
            ),
        ] {
            assert_eq!(extractor(&config).expect_err(expected), expected);
        }
    }
}
