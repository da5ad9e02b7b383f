//! Log-mel features as Kaldi computes them: frames of 25 ms every 10 ms at 16 kHz.

use super::mel::{MelFilterBank, MelScale};
use super::spectrum::PowerSpectrum;

/// Log-mel features as Kaldi computes them, of sounds at [`KALDI_RATE`].
#[derive(Clone, Debug)]
pub(super) struct KaldiFilterBank {
    spectrum: PowerSpectrum,
    filters: MelFilterBank,
    /// Samples are multiplied by this.
    scale: f64,
}

impl KaldiFilterBank {
    /// `bins` features a frame, after `window`; samples are multiplied by `scale`.
    pub(super) fn new(bins: usize, window: Vec<f64>, scale: f64) -> Self {
        let filters = MelFilterBank::new(MelScale::Kaldi, bins, (20.0, 8000.0), (TRANSFORM / 2, 16_000.0 / 512.0));
        Self { spectrum: PowerSpectrum::new(window, TRANSFORM), filters, scale }
    }

    /// The features of `samples`, frame by frame, at most `max_frames`. A sound that is shorter than a frame has none.
    pub(super) fn features(&self, samples: &[f32], max_frames: usize) -> Vec<f32> {
        let mut buffers = self.spectrum.buffers();
        let mut features = Vec::new();
        for frame in samples.windows(KALDI_FRAME).step_by(KALDI_HOP).take(max_frames) {
            let power = self.spectrum.of(frame, |samples| self.prepare(samples), &mut buffers);
            #[allow(clippy::cast_possible_truncation)] // as NumPy rounds them
            features.extend(self.filters.apply(power).map(|power| power.max(FLOOR).ln() as f32));
        }
        features
    }

    /// Scales a frame, removes its mean, and emphasises high frequencies.
    fn prepare(&self, samples: &mut [f64]) {
        #[allow(clippy::cast_precision_loss)]
        let mean = samples.iter().sum::<f64>() / samples.len() as f64;
        let mut before = None;
        for sample in samples {
            let own = (*sample - mean) * self.scale;
            // The first sample is its own predecessor.
            *sample = own - PREEMPHASIS * before.replace(own).unwrap_or(own);
        }
    }
}

/// The sampling rate that frames of this length are for, in hertz.
pub(super) const KALDI_RATE: u32 = 16_000;
/// Samples a frame.
pub(super) const KALDI_FRAME: usize = 400;
/// Samples from frame to frame.
pub(super) const KALDI_HOP: usize = 160;
const TRANSFORM: usize = 512;
const PREEMPHASIS: f64 = 0.97;
/// The spacing of 32-bit floats at 1.
const FLOOR: f64 = f32::EPSILON as f64;
