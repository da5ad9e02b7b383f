//! The pixels that each pixel of the result is computed from, along one axis, and their weights.

use std::ops::Range;

use super::ResampleFilter;

/// A window of weighted pixels for each pixel of the result, along one axis.
pub(super) struct FilterWindows {
    windows: Vec<Window>,
    weights: Vec<i32>,
}

#[derive(Clone, Copy)]
struct Window {
    /// The first pixel.
    first: usize,
    /// The position of its weight in `weights`.
    weight: usize,
    /// The number of pixels.
    count: usize,
}

impl FilterWindows {
    /// The windows that resize an axis from `from` to `to` pixels.
    // Both lengths are at most 2³¹, so that they and positions between them are exact in f64, and positive after `max`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
    pub(super) fn new(filter: ResampleFilter, from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        // A filter is never narrower than for an image of the same size.
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let mut all = Self { windows: Vec::with_capacity(to), weights: Vec::new() };
        let mut weights = Vec::new();
        for pixel in 0..to {
            let centre = (pixel as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5).max(0.0) as usize).min(from);
            let distance = |place: usize| (place as f64 - centre + 0.5) * (1.0 / stretch);
            weights.clear();
            weights.extend((first..end).map(|place| filter.weight(distance(place))));
            let sum: f64 = weights.iter().sum();
            let sum = if sum == 0.0 { 1.0 } else { sum };
            all.windows.push(Window { first, weight: all.weights.len(), count: weights.len() });
            all.weights.extend(weights.iter().map(|weight| fixed_point(weight / sum)));
        }
        all
    }

    /// The first pixel of each window, and the weights of the pixels from there.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let weights = |Window { weight, count, .. }| &self.weights[weight..weight + count];
        self.windows.iter().map(move |window| (window.first, weights(*window)))
    }

    /// The number of windows.
    pub(super) fn count(&self) -> usize {
        self.windows.len()
    }

    /// The pixels that any window contains, and those between them.
    pub(super) fn range(&self) -> Range<usize> {
        let first = self.windows.iter().map(|window| window.first).min();
        let end = self.windows.iter().map(|window| window.first + window.count).max();
        first.unwrap_or(0)..end.unwrap_or(0)
    }
}

/// `weight` with [`FRACTION_BITS`] bits behind the point, rounded half away from zero.
// A weight is about -1 to 2, so that it fits.
#[allow(clippy::cast_possible_truncation)]
fn fixed_point(weight: f64) -> i32 {
    let scaled = weight * f64::from(1_i32 << FRACTION_BITS);
    (scaled + 0.5_f64.copysign(scaled)) as i32
}

/// 32 bits, less the 8 bits of a level, and 2 for sums beyond the range of levels.
pub(super) const FRACTION_BITS: u32 = 32 - 8 - 2;
