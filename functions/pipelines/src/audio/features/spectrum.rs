//! Power spectra of windows of a sound.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};

/// A discrete Fourier transform of real numbers, after a window.
#[derive(Clone)]
pub(super) struct PowerSpectrum {
    window: Vec<f64>,
    transform: Arc<dyn RealToComplex<f64>>,
}

/// The buffers of transforms, for one after the other.
pub(super) struct SpectrumBuffers {
    /// The frame, followed by zeros.
    frame: Vec<f64>,
    spectrum: Vec<Complex64>,
    scratch: Vec<Complex64>,
    power: Vec<f64>,
}

impl PowerSpectrum {
    /// Transforms of `length` numbers: those of `window`, and zeros after them.
    pub(super) fn new(window: Vec<f64>, length: usize) -> Self {
        let transform = RealFftPlanner::new().plan_fft_forward(length.max(window.len()));
        Self { window, transform }
    }

    /// The samples of a frame.
    pub(super) fn frame_length(&self) -> usize {
        self.window.len()
    }

    /// Buffers for [`Self::of`].
    pub(super) fn buffers(&self) -> SpectrumBuffers {
        let spectrum = self.transform.make_output_vec();
        let power = vec![0.0; spectrum.len()];
        SpectrumBuffers {
            frame: self.transform.make_input_vec(),
            spectrum,
            scratch: self.transform.make_scratch_vec(),
            power,
        }
    }

    /// The power in each bin of `frame`, which is changed first by `prepare`.
    pub(super) fn of<'b>(
        &self,
        frame: &[f32],
        prepare: impl FnOnce(&mut [f64]),
        buffers: &'b mut SpectrumBuffers,
    ) -> &'b [f64] {
        let SpectrumBuffers { frame: input, spectrum, scratch, power } = buffers;
        input.fill(0.0);
        let (samples, _) = input.split_at_mut(self.window.len());
        for (to, from) in samples.iter_mut().zip(frame) {
            *to = f64::from(*from);
        }
        prepare(samples);
        for (sample, weight) in samples.iter_mut().zip(&self.window) {
            *sample *= weight;
        }
        // The buffers are the transform's own, so that it cannot fail.
        let _ = self.transform.process_with_scratch(input, spectrum, scratch);
        for (power, bin) in power.iter_mut().zip(spectrum) {
            *power = bin.norm_sqr();
        }
        power
    }
}

impl fmt::Debug for PowerSpectrum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PowerSpectrum({} of {} samples)", self.window.len(), self.transform.len())
    }
}

/// A Hann window whose ends are both 0.
pub(super) fn symmetric_hann(length: usize) -> Vec<f64> {
    hann(length, length.saturating_sub(1))
}

/// A Hann window that continues with its beginning.
pub(super) fn periodic_hann(length: usize) -> Vec<f64> {
    hann(length, length)
}

#[allow(clippy::cast_precision_loss)] // lengths of windows
fn hann(length: usize, period: usize) -> Vec<f64> {
    (0..length).map(|place| 0.5 - 0.5 * (TAU * place as f64 / period.max(1) as f64).cos()).collect()
}
