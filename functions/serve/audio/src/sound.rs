//! A sound of one channel.

use std::fmt;

use crate::AudioDecodeError;
use crate::limits::RATES;
use crate::resample::resample;

/// A sound of one channel: its samples, nominally between -1 and 1, and its sampling rate. It has at least one sample, and all are
/// finite. `Debug` shows the size only.
#[derive(Clone, PartialEq)]
pub struct Sound {
    samples: Vec<f32>,
    rate: u32,
}

impl Sound {
    /// The sound of `samples` at `rate` hertz.
    ///
    /// # Errors
    /// If there is no sample, one is not finite, or the rate is out of bounds.
    ///
    /// ```
    /// use amaas_audio::{AudioDecodeError, Sound};
    ///
    /// assert_eq!(Sound::new(vec![0.0, 0.5], 16_000)?.rate(), 16_000);
    /// assert_eq!(Sound::new(vec![], 16_000), Err(AudioDecodeError::Empty));
    /// assert_eq!(Sound::new(vec![f32::NAN], 16_000), Err(AudioDecodeError::NotFinite));
    /// # Ok::<(), AudioDecodeError>(())
    /// ```
    pub fn new(samples: Vec<f32>, rate: u32) -> Result<Self, AudioDecodeError> {
        if !RATES.contains(&rate) {
            return Err(AudioDecodeError::Rate(rate));
        }
        if samples.is_empty() {
            return Err(AudioDecodeError::Empty);
        }
        if !samples.iter().all(|sample| sample.is_finite()) {
            return Err(AudioDecodeError::NotFinite);
        }
        Ok(Self { samples, rate })
    }

    /// The samples.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// The samples.
    pub fn into_samples(self) -> Vec<f32> {
        self.samples
    }

    /// Samples a second, in hertz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The same sound at `rate` hertz: as many samples as its duration has at that rate, rounded up. Frequencies above half of the
    /// lower rate are attenuated.
    ///
    /// # Errors
    /// If `rate` is out of bounds, or samples are so large that a number overflows.
    pub fn resampled(self, rate: u32) -> Result<Self, AudioDecodeError> {
        if rate == self.rate {
            return Ok(self);
        }
        if !RATES.contains(&rate) {
            return Err(AudioDecodeError::Rate(rate));
        }
        Self::new(resample(&self.samples, self.rate, rate), rate)
    }
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sound({} samples, {} Hz)", self.samples.len(), self.rate)
    }
}
