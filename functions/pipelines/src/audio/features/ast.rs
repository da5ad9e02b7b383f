//! `ASTFeatureExtractor`: a log-mel spectrogram of fixed size.

use amaas_model::task::TaskError;

use super::AudioFeatures;
use super::extractor::{INPUT_VALUES, bounded, expect_rate};
use super::kaldi::{KALDI_RATE, KaldiFilterBank};
use super::spectrum::symmetric_hann;
use crate::export::ConfigFile;

/// `ASTFeatureExtractor`: a log-mel spectrogram as Kaldi computes it, padded with zeros or cut to `max_length` frames.
#[derive(Clone, Debug)]
pub struct AstFeatureExtractor {
    bank: KaldiFilterBank,
    bins: usize,
    frames: usize,
    /// Mean and standard deviation of the training data, if features are normalised.
    normal: Option<(f32, f32)>,
}

impl AstFeatureExtractor {
    /// Reads `preprocessor_config.json`.
    ///
    /// # Errors
    /// If a field is of another type or out of bounds.
    pub fn of(config: &ConfigFile) -> Result<Self, TaskError> {
        expect_rate(config, KALDI_RATE)?;
        let bins = bounded(config, "num_mel_bins", 128, 512)?;
        let frames = bounded(config, "max_length", 1024, 100_000)?;
        let mean = config.optional("mean")?.unwrap_or(-4.267_739_3);
        let deviation: f32 = config.optional("std")?.unwrap_or(4.568_997_4);
        if deviation <= 0.0 {
            return Err(config.error("std", format!("expected a positive number, got {deviation}")));
        }
        let normalizes = config.optional("do_normalize")?.unwrap_or(true);
        let bank = KaldiFilterBank::new(bins, symmetric_hann(super::kaldi::KALDI_FRAME), 1.0);
        Ok(Self { bank, bins, frames, normal: normalizes.then_some((mean, deviation)) })
    }

    /// Frames, and features a frame.
    pub fn shape(&self) -> [usize; 2] {
        [self.frames, self.bins]
    }

    /// The features of `samples` at 16 kHz: `input_values` of `[max_length, num_mel_bins]`.
    pub fn extract(&self, samples: &[f32]) -> AudioFeatures {
        let mut values = self.bank.features(samples, self.frames);
        values.resize(self.frames * self.bins, 0.0);
        if let Some((mean, deviation)) = self.normal {
            // Twice the deviation, as AST was trained.
            for value in &mut values {
                *value = (*value - mean) / (deviation * 2.0);
            }
        }
        AudioFeatures { name: INPUT_VALUES, shape: self.shape().to_vec(), frames: self.frames, hidden: 0, values }
    }
}
