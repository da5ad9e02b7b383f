//! `SeamlessM4TFeatureExtractor`: log-mel features of two frames at a time, as wav2vec2-BERT takes them.

use amaas_model::task::TaskError;

use super::AudioFeatures;
use super::extractor::{INPUT_FEATURES, bounded, expect_rate};
use super::kaldi::{KALDI_FRAME, KALDI_RATE, KaldiFilterBank};
use super::spectrum::symmetric_hann;
use crate::export::ConfigFile;

/// `SeamlessM4TFeatureExtractor`: log-mel features as Kaldi computes them, each bin with mean 0 and variance 1, two frames at a time.
#[derive(Clone, Debug)]
pub struct SeamlessFeatureExtractor {
    bank: KaldiFilterBank,
    bins: usize,
    padding_value: f32,
}

impl SeamlessFeatureExtractor {
    /// Reads `preprocessor_config.json`.
    ///
    /// # Errors
    /// If a field is of another type or out of bounds.
    pub fn of(config: &ConfigFile) -> Result<Self, TaskError> {
        expect_rate(config, KALDI_RATE)?;
        let bins = bounded(config, "num_mel_bins", 80, 512)?;
        let stride = config.optional("stride")?.unwrap_or(STRIDE);
        if stride != STRIDE {
            return Err(config.error("stride", format!("expected {STRIDE}, got {stride}")));
        }
        // Kaldi's Povey window; samples are those of 16 bits.
        let window = symmetric_hann(KALDI_FRAME).into_iter().map(|weight| weight.powf(0.85)).collect();
        let bank = KaldiFilterBank::new(bins, window, 32_768.0);
        Ok(Self { bank, bins, padding_value: config.optional("padding_value")?.unwrap_or(0.0) })
    }

    /// The fewest samples that have features, and those between two features.
    pub fn samples_per_frame(&self) -> (usize, usize) {
        (KALDI_FRAME, super::kaldi::KALDI_HOP * STRIDE)
    }

    /// Numbers a feature.
    pub fn width(&self) -> usize {
        self.bins * STRIDE
    }

    /// The features of `samples` at 16 kHz: `input_features` of `[frames, 2 * num_mel_bins]`.
    pub fn extract(&self, samples: &[f32]) -> AudioFeatures {
        let mut values = self.bank.features(samples, usize::MAX);
        for bin in 0..self.bins {
            normalize(&mut values, bin, self.bins);
        }
        let width = self.width();
        let frames = values.len().div_ceil(width);
        // A last frame that has no second one is not seen.
        let hidden = frames - values.len() / width;
        values.resize(frames * width, self.padding_value);
        AudioFeatures { name: INPUT_FEATURES, shape: vec![frames, width], frames, hidden, values }
    }
}

/// Frames a feature.
const STRIDE: usize = 2;

/// Gives every `step`th value from `first` on mean 0 and variance 1. Sums are `NumPy`'s of 32 bits: where a bin is nearly constant, their
/// rounding errors are what is left.
#[allow(clippy::cast_precision_loss)] // numbers of frames
fn normalize(values: &mut [f32], first: usize, step: usize) {
    let mut own: Vec<f32> = values.iter().skip(first).step_by(step).copied().collect();
    let count = own.len() as f32;
    let mean = pairwise_sum(&own) / count.max(1.0);
    for value in &mut own {
        *value -= mean;
    }
    let squares: Vec<f32> = own.iter().map(|value| value * value).collect();
    let deviation = (pairwise_sum(&squares) / (count - 1.0).max(1.0) + 1e-7).sqrt();
    for (to, value) in values.iter_mut().skip(first).step_by(step).zip(own) {
        *to = value / deviation;
    }
}

/// The sum of `values`, in the order of `NumPy`: eight sums side by side of up to 128 values, and halves of more.
fn pairwise_sum(values: &[f32]) -> f32 {
    if values.len() > 128 {
        let (left, right) = values.split_at(values.len() / 2 / 8 * 8);
        return pairwise_sum(left) + pairwise_sum(right);
    }
    let (eights, rest) = values.as_chunks::<8>();
    let Some((first, others)) = eights.split_first() else { return rest.iter().sum() };
    let mut sums = *first;
    for eight in others {
        sums.iter_mut().zip(eight).for_each(|(sum, value)| *sum += value);
    }
    let pair = |first: usize| sums[first] + sums[first + 1];
    rest.iter().fold((pair(0) + pair(2)) + (pair(4) + pair(6)), |sum, value| sum + value)
}
