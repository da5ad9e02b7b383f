//! Changing the sampling rate, as the audio pipelines of `transformers` do with torchaudio: a low-pass filter of windowed sinc functions,
//! with a Hann window over six zero crossings on each side, cut at 0.99 of the lower Nyquist frequency.
//!
//! By hand rather than with `rubato`, whose filter is steeper: networks then give scores that differ by up to 0.01 from those that
//! `transformers` gives. The difference to torchaudio's numbers is below 1e-6. Speech at 16 kHz that was brought to 22.05, 44.1 or 48 kHz and
//! back differs by 41 to 55 dB less than its level; with `scipy.signal.resample_poly` it is 45 to 59 dB.

use std::f64::consts::PI;

/// `samples` at `from` hertz, at `to` hertz.
pub(crate) fn resample(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    let divisor = greatest_common_divisor(from, to);
    let (from, to) = ((from / divisor) as usize, (to / divisor) as usize);
    let filters: Vec<PhaseFilter> = (0..to).map(|phase| PhaseFilter::new(phase, from, to)).collect();
    let count = (samples.len() * to).div_ceil(from);
    let periods = (0..samples.len()).step_by(from);
    let resampled = periods.flat_map(|start| filters.iter().map(move |filter| filter.apply(samples, start)));
    resampled.take(count).collect()
}

/// The filter of every output with the same place between two inputs.
struct PhaseFilter {
    /// The first input, from the beginning of the period on.
    first: isize,
    taps: Vec<f64>,
}

impl PhaseFilter {
    /// The filter of the output `phase` of `to` outputs, which take as long as `from` inputs.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // rates are below 2^20
    fn new(phase: usize, from: usize, to: usize) -> Self {
        let (centre, from) = (phase as f64 / to as f64, from as f64);
        let cut = from.min(to as f64) * ROLLOFF;
        let reach = ZERO_CROSSINGS * from / cut;
        let (first, last) = ((centre * from - reach).ceil() as isize, (centre * from + reach).floor() as isize);
        let tap = |place: isize| {
            let time = ((place as f64 / from - centre) * cut).clamp(-ZERO_CROSSINGS, ZERO_CROSSINGS);
            let window = (time * PI / ZERO_CROSSINGS / 2.0).cos().powi(2);
            sinc(time) * window * cut / from
        };
        Self { first, taps: (first..=last).map(tap).collect() }
    }

    /// The output in the period that begins at the input `start`. Beyond the sound there is silence.
    fn apply(&self, samples: &[f32], start: usize) -> f32 {
        let first = self.first.saturating_add_unsigned(start);
        let (skipped, first) = (first.min(0).unsigned_abs(), usize::try_from(first).unwrap_or(0));
        let taps = self.taps.iter().skip(skipped);
        let sum: f64 = taps.zip(samples.iter().skip(first)).map(|(tap, sample)| tap * f64::from(*sample)).sum();
        #[allow(clippy::cast_possible_truncation)] // rounded
        {
            sum as f32
        }
    }
}

fn sinc(time: f64) -> f64 {
    if time == 0.0 { 1.0 } else { (PI * time).sin() / (PI * time) }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

const ZERO_CROSSINGS: f64 = 6.0;
const ROLLOFF: f64 = 0.99;
