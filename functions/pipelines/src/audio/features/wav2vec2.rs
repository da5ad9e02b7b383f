//! `Wav2Vec2FeatureExtractor`: the samples themselves.

use amaas_model::task::TaskError;

use super::AudioFeatures;
use super::extractor::INPUT_VALUES;
use crate::export::ConfigFile;

/// `Wav2Vec2FeatureExtractor`: the samples themselves, with mean 0 and variance 1 if `do_normalize`.
#[derive(Clone, Debug)]
pub struct Wav2Vec2FeatureExtractor {
    rate: u32,
    normalizes: bool,
    padding_value: f32,
}

impl Wav2Vec2FeatureExtractor {
    /// Reads `preprocessor_config.json`.
    ///
    /// # Errors
    /// If a field is of another type, or asks for more than one feature a sample.
    pub fn of(config: &ConfigFile) -> Result<Self, TaskError> {
        match config.optional("feature_size")?.unwrap_or(1_usize) {
            1 => {}
            other => return Err(config.error("feature_size", format!("expected 1, got {other}"))),
        }
        Ok(Self {
            rate: config.optional("sampling_rate")?.unwrap_or(16_000),
            normalizes: config.optional("do_normalize")?.unwrap_or(true),
            padding_value: config.optional("padding_value")?.unwrap_or(0.0),
        })
    }

    /// The sampling rate, in hertz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The value of padding, after normalisation.
    pub fn padding_value(&self) -> f32 {
        self.padding_value
    }

    /// The features of `samples`: `input_values`, one a sample.
    pub fn extract(&self, samples: &[f32]) -> AudioFeatures {
        let values = if self.normalizes { normalized(samples) } else { samples.to_vec() };
        AudioFeatures { name: INPUT_VALUES, shape: vec![values.len()], frames: values.len(), hidden: 0, values }
    }
}

/// `samples` with mean 0 and variance 1.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // computed in 64 bits, rounded to 32
fn normalized(samples: &[f32]) -> Vec<f32> {
    let count = samples.len().max(1) as f64;
    let mean = samples.iter().map(|sample| f64::from(*sample)).sum::<f64>() / count;
    let variance = samples.iter().map(|sample| (f64::from(*sample) - mean).powi(2)).sum::<f64>() / count;
    let deviation = (variance + 1e-7).sqrt();
    samples.iter().map(|sample| ((f64::from(*sample) - mean) / deviation) as f32).collect()
}
