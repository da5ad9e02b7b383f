//! `WhisperFeatureExtractor`: a log-mel spectrogram of 30 seconds.

use amaas_model::task::TaskError;

use super::AudioFeatures;
use super::extractor::{INPUT_FEATURES, bounded};
use super::mel::{MelFilterBank, MelScale};
use super::spectrum::{PowerSpectrum, periodic_hann};
use crate::export::ConfigFile;

/// `WhisperFeatureExtractor`: a log-mel spectrogram of [`Self::window_samples`] samples. Shorter sounds are padded, longer ones are cut.
#[derive(Clone, Debug)]
pub struct WhisperFeatureExtractor {
    rate: u32,
    spectrum: PowerSpectrum,
    filters: MelFilterBank,
    hop: usize,
    samples: usize,
    padding_value: f32,
}

impl WhisperFeatureExtractor {
    /// Reads `preprocessor_config.json`.
    ///
    /// # Errors
    /// If a field is of another type or out of bounds.
    pub fn of(config: &ConfigFile) -> Result<Self, TaskError> {
        let rate = bounded(config, "sampling_rate", 16_000, 48_000)?;
        let bins = bounded(config, "feature_size", 80, 512)?;
        let hop = bounded(config, "hop_length", 160, 4096)?;
        let transform = bounded(config, "n_fft", 400, 8192)?;
        let seconds = bounded(config, "chunk_length", 30, 120)?;
        if !transform.is_multiple_of(2) {
            return Err(config.error("n_fft", format!("expected an even number, got {transform}")));
        }
        #[allow(clippy::cast_precision_loss)] // small
        let bin_hertz = rate as f64 / transform as f64;
        let bank = (transform / 2 + 1, bin_hertz);
        Ok(Self {
            rate: u32::try_from(rate).unwrap_or(u32::MAX),
            spectrum: PowerSpectrum::new(periodic_hann(transform), transform),
            filters: MelFilterBank::new(MelScale::Slaney, bins, (0.0, 8000.0), bank),
            hop,
            samples: seconds * rate,
            padding_value: config.optional("padding_value")?.unwrap_or(0.0),
        })
    }

    /// The sampling rate, in hertz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The samples of a window.
    pub fn window_samples(&self) -> usize {
        self.samples
    }

    /// The frames of a window.
    pub fn window_frames(&self) -> usize {
        self.samples / self.hop
    }

    /// Features a frame, and frames.
    pub fn shape(&self) -> [usize; 2] {
        [self.filters.len(), self.window_frames()]
    }

    /// The features of `samples`: `input_features` of `[feature_size, window_frames]`.
    pub fn extract(&self, samples: &[f32]) -> AudioFeatures {
        let [bins, frames] = self.shape();
        let mut values = vec![0.0_f32; bins * frames];
        let (padded, mut buffers) = (self.padded(samples), self.spectrum.buffers());
        let starts = padded.windows(self.spectrum.frame_length()).step_by(self.hop);
        for (frame, samples) in starts.take(frames).enumerate() {
            let power = self.spectrum.of(samples, |_| (), &mut buffers);
            for (bin, power) in self.filters.apply(power).enumerate() {
                #[allow(clippy::cast_possible_truncation)] // as NumPy rounds them
                let log = power.max(FLOOR).log10() as f32;
                values[bin * frames + frame] = log;
            }
        }
        // At most 80 dB below the loudest.
        let quietest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max) - 8.0;
        for value in &mut values {
            *value = (value.max(quietest) + 4.0) / 4.0;
        }
        AudioFeatures { name: INPUT_FEATURES, shape: vec![bins, frames], frames, hidden: 0, values }
    }

    /// `samples` padded or cut to the window, with half a frame of its reflection at both ends, so that frames are centred.
    fn padded(&self, samples: &[f32]) -> Vec<f32> {
        let half = self.spectrum.frame_length() / 2;
        let sample = |place: usize| samples.get(place).copied().unwrap_or(self.padding_value);
        let last = self.samples.saturating_sub(1);
        let before = (1..=half).rev().map(|place| sample(place.min(last)));
        let after = (1..=half).map(|place| sample(last.saturating_sub(place)));
        before.chain((0..self.samples).map(sample)).chain(after).collect()
    }
}

const FLOOR: f64 = 1e-10;
