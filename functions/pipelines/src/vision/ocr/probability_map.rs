//! A detector's output: the probability of each pixel that it is in a line of text.

use amaas_model::PredictError;

use super::components::Bitmap;
use super::geometry::Corners;

/// The probability of each pixel.
#[derive(Clone, Debug)]
pub(super) struct ProbabilityMap {
    width: usize,
    height: usize,
    text: Bitmap,
    /// For each row, the sums of the values left of each pixel, and of all.
    sums: Vec<f64>,
}

impl ProbabilityMap {
    /// The map with the values of an output of the shape `[1, height, width]`, without the batch. Pixels above `threshold` are text.
    ///
    /// # Errors
    /// If it has another shape, is too large or has values that are no probabilities.
    pub(super) fn of(values: &[f32], shape: &[usize], threshold: f32) -> Result<Self, PredictError> {
        let &[1, height, width] = shape else {
            return Err(PredictError::internal(format!(
                "the detector's output: expected the shape [1, height, width] for an image, got {shape:?}"
            )));
        };
        if values.is_empty() || values.len() != width * height || values.len() as u64 > MAX_PIXELS {
            return Err(PredictError::internal(format!(
                "the detector's output: expected 1 to {MAX_PIXELS} values, got {}",
                values.len()
            )));
        }
        if !values.iter().all(|value| (-TOLERANCE..=1.0 + TOLERANCE).contains(value)) {
            return Err(PredictError::internal(
                "the detector's output: expected probabilities, got a value that is not from 0 to 1",
            ));
        }
        let text = Bitmap::new(width, values.iter().map(|value| *value > threshold).collect()).dilated();
        let mut sums = Vec::with_capacity((width + 1) * height);
        for row in values.chunks_exact(width) {
            let mut sum = 0.0;
            sums.push(sum);
            sums.extend(row.iter().map(|value| {
                sum += f64::from(*value);
                sum
            }));
        }
        Ok(Self { width, height, text, sums })
    }

    /// Width and height.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The pixels of text. As in `rapidocr`, they reach a pixel further to the right and down than the probabilities say.
    pub(super) fn text(&self) -> &Bitmap {
        &self.text
    }

    /// The mean of the pixels in the polygon with `corners`, and on its outline. Corners are rounded towards the top left of the polygon.
    pub(super) fn mean_in(&self, corners: &Corners) -> f64 {
        let axis = |axis: usize, size: usize| {
            let lowest = corners.iter().map(|corner| corner[axis].floor()).fold(f32::MAX, f32::min);
            let origin = lowest.clamp(0.0, to_f32(size - 1));
            corners.map(|corner| f64::from(origin + (corner[axis] - origin).trunc()))
        };
        let (x, y) = (axis(0, self.width), axis(1, self.height));
        let polygon = [0, 1, 2, 3].map(|corner| [x[corner], y[corner]]);
        let (first, last) = (y.into_iter().fold(f64::MAX, f64::min), y.into_iter().fold(f64::MIN, f64::max));
        let (mut sum, mut count) = (0.0, 0);
        for row in place(first, self.height)..=place(last, self.height) {
            let (from, to) = columns(&polygon, to_f64(row));
            if to < 0.0 || from > to_f64(self.width - 1) {
                continue;
            }
            let (from, to) = (place(from, self.width), place(to, self.width));
            let sums = &self.sums[row * (self.width + 1)..];
            sum += sums[to + 1] - sums[from];
            count += to + 1 - from;
        }
        if count == 0 { 0.0 } else { sum / to_f64(count) }
    }
}

/// The first and the last column of a convex `polygon` in the row `y`; the outline is a line of pixels.
fn columns(polygon: &[[f64; 2]; 4], y: f64) -> (f64, f64) {
    let (mut first, mut last) = (f64::MAX, f64::MIN);
    for (at, from) in polygon.iter().enumerate() {
        let to = polygon[(at + 1) % polygon.len()];
        let (upper, lower) = if from[1] <= to[1] { (*from, to) } else { (to, *from) };
        if y < upper[1] || y > lower[1] {
            continue;
        }
        let (width, height) = (lower[0] - upper[0], lower[1] - upper[1]);
        let at = |y: f64| upper[0] + ((y - upper[1]) / height).clamp(0.0, 1.0) * width;
        let ends = if height == 0.0 {
            [upper[0], lower[0]]
        } else if width.abs() > height {
            // Several pixels of the row are next to the line. A pixel between two rows is in the row of the left end.
            let (before, after) = if width > 0.0 { (ALMOST_HALF, 0.5) } else { (0.5, ALMOST_HALF) };
            let ends = [at(y - before), at(y + after)];
            [ends[0].min(ends[1]).ceil(), ends[0].max(ends[1]).floor()]
        } else {
            // A pixel between two columns is in the column of the upper end.
            [(at(y) - width.signum() * (0.5 - ALMOST_HALF)).round(); 2]
        };
        first = ends.into_iter().fold(first, f64::min);
        last = ends.into_iter().fold(last, f64::max);
    }
    (first, last)
}

/// The place among `count` places that is next to `value`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn place(value: f64, count: usize) -> usize {
    (value.max(0.0) as usize).min(count - 1)
}

/// Exact for the places of a map.
#[allow(clippy::cast_precision_loss)]
fn to_f64(place: usize) -> f64 {
    place as f64
}

#[allow(clippy::cast_precision_loss)]
fn to_f32(place: usize) -> f32 {
    place as f32
}

const ALMOST_HALF: f64 = 0.499_999;
/// The most pixels of a map.
const MAX_PIXELS: u64 = 1 << 24;
/// FP16 networks exceed 0 and 1 by this at most.
const TOLERANCE: f32 = 1e-2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_those_of_opencv() {
        let values: Vec<f32> = (0_u8..48).map(|place| f32::from(place) / 48.0).collect();
        let map = ProbabilityMap::of(&values, &[1, 6, 8], 0.3).expect("a map");
        // cv2.mean of a mask that cv2.fillPoly draws.
        for (corners, expected) in [
            ([[1.0, 1.0], [5.0, 1.0], [5.0, 3.0], [1.0, 3.0]], 0.395_833_3),
            ([[1.2, 1.9], [4.7, 0.3], [6.9, 3.2], [2.4, 5.1]], 0.476_562_5),
            ([[-2.0, -3.0], [20.0, -3.0], [20.0, 1.0], [-2.0, 1.0]], 0.156_25),
            ([[0.0, 2.0], [3.0, 0.0], [6.0, 3.0], [3.0, 5.0]], 0.479_166_7),
            ([[1.0, 0.0], [7.0, 1.0], [7.0, 3.0], [1.0, 2.0]], 0.321_428_6),
        ] {
            let mean = map.mean_in(&corners);
            assert!((mean - expected).abs() < 1e-5, "{corners:?}: expected {expected}, got {mean}");
        }
    }

    #[test]
    fn other_outputs_are_refused() {
        for (values, shape) in [
            (vec![0.5; 4], &[2, 2][..]),
            (vec![0.5; 4], &[2, 1, 2]),
            (vec![], &[1, 0, 0]),
            (vec![0.5; 4], &[1, 2, 3]),
            (vec![0.5, 3.0], &[1, 1, 2]),
            (vec![0.5, f32::NAN], &[1, 1, 2]),
        ] {
            assert!(ProbabilityMap::of(&values, shape, 0.3).is_err(), "{values:?} {shape:?}");
        }
    }
}
