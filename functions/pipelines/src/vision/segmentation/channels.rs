//! A map of numbers with several channels, and its bilinear resizing as `interpolate` of `PyTorch` does it (`align_corners=False`).

use amaas_model::PredictError;
use amaas_model::task::CpuPermit;

/// Numbers for each pixel, such as a score for each class: `[height, width, channels]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Channels {
    values: Vec<f32>,
    count: usize,
    width: usize,
    height: usize,
}

impl Channels {
    /// The channels of `planes`, `[planes, height, width]`, with the indexes `chosen`; `map` is applied to each number.
    pub(super) fn of_planes(
        planes: &[f32],
        (width, height): (usize, usize),
        chosen: &[usize],
        map: impl Fn(f32) -> f32,
    ) -> Self {
        let (count, area) = (chosen.len(), width * height);
        let mut values = vec![0.0; count * area];
        for (channel, plane) in chosen.iter().enumerate() {
            for (place, value) in planes[plane * area..(plane + 1) * area].iter().enumerate() {
                values[place * count + channel] = map(*value);
            }
        }
        Self { values, count, width, height }
    }

    /// Each number changed by `map`.
    pub(super) fn map(mut self, map: impl Fn(f32) -> f32) -> Self {
        for value in &mut self.values {
            *value = map(*value);
        }
        self
    }

    /// Each pixel changed by `map`, to `count` channels.
    pub(super) fn map_pixels(&self, count: usize, map: impl Fn(&[f32], &mut [f32])) -> Self {
        let (width, height) = self.size();
        let mut values = vec![0.0; count * width * height];
        for (from, to) in self.pixels().zip(values.chunks_exact_mut(count.max(1))) {
            map(from, to);
        }
        Self { values, count, width, height }
    }

    /// The channels of each pixel, in rows.
    pub(super) fn pixels(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.count.max(1))
    }

    /// Width and height.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The same in `width` x `height` pixels.
    ///
    /// # Errors
    /// If the caller is gone.
    pub(super) fn resized(&self, (width, height): (usize, usize), permit: &CpuPermit) -> Result<Self, PredictError> {
        let mut values = Vec::with_capacity(self.count * width * height);
        self.for_each_resized((width, height), permit, |pixel| values.extend_from_slice(pixel))?;
        Ok(Self { values, count: self.count, width, height })
    }

    /// Calls `visit` with the channels of each pixel of a map of `width` x `height` pixels, in rows. Only a row is in memory.
    ///
    /// # Errors
    /// If the caller is gone.
    pub(super) fn for_each_resized(
        &self,
        (width, height): (usize, usize),
        permit: &CpuPermit,
        mut visit: impl FnMut(&[f32]),
    ) -> Result<(), PredictError> {
        if self.values.is_empty() {
            return Err(PredictError::internal("expected maps of at least one pixel, got none"));
        }
        let row_size = self.count * self.width;
        let row_at = |place: usize| &self.values[place * row_size..(place + 1) * row_size];
        let columns = taps(self.width, width);
        let (mut row, mut pixel) = (vec![0.0; row_size], vec![0.0; self.count]);
        for tap in taps(self.height, height) {
            tap.blend(row_at(tap.first), row_at(tap.second), &mut row);
            for column in &columns {
                let pixel_at = |place: usize| &row[place * self.count..(place + 1) * self.count];
                column.blend(pixel_at(column.first), pixel_at(column.second), &mut pixel);
                visit(&pixel);
            }
            permit.record_progress(0)?;
        }
        Ok(())
    }
}

/// The two places of an axis that a place of the result is between.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tap {
    first: usize,
    second: usize,
    /// The weight of the second one; 1 in all.
    share: f32,
}

impl Tap {
    fn blend(self, first: &[f32], second: &[f32], to: &mut [f32]) {
        let (of_first, of_second) = (1.0 - self.share, self.share);
        for (to, (first, second)) in to.iter_mut().zip(first.iter().zip(second)) {
            *to = first * of_first + second * of_second;
        }
    }
}

/// The taps that resize an axis from `old` to `new` places; neither is 0.
// Lengths are below 2^24.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn taps(old: usize, new: usize) -> Vec<Tap> {
    let scale = old as f32 / new as f32;
    let tap = |place: usize| {
        let position = (scale * (place as f32 + 0.5) - 0.5).max(0.0);
        let first = (position as usize).min(old - 1);
        Tap { first, second: (first + 1).min(old - 1), share: (position - first as f32).clamp(0.0, 1.0) }
    };
    (0..new).map(tap).collect()
}

/// The places of an axis of `old` places that the nearest ones of `new` places are, as `interpolate` of `PyTorch` chooses them.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)] // as above
pub(super) fn nearest_places(old: usize, new: usize) -> Vec<usize> {
    let scale = old as f32 / new as f32;
    (0..new).map(|place| ((place as f32 * scale) as usize).min(old.saturating_sub(1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resized(plane: &[f32], size: (usize, usize), new: (usize, usize)) -> Vec<f32> {
        let channels = Channels::of_planes(plane, size, &[0], |value| value);
        channels.resized(new, &CpuPermit::for_inline_work()).expect("channels").values
    }

    #[test]
    fn values_are_those_of_pytorch() {
        // torch.nn.functional.interpolate(torch.tensor([[[[0., 4.]]]]), size=(1, 4), mode="bilinear") and so on.
        assert_eq!(resized(&[0.0, 4.0], (2, 1), (4, 1)), [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(resized(&[0.0, 4.0, 8.0, 12.0], (2, 2), (1, 1)), [6.0]);
        assert_eq!(resized(&[1.0, 5.0, 9.0, 2.0, 7.0, 7.0], (6, 1), (2, 1)), [5.0, 7.0]);
        assert_eq!(resized(&[0.0, 8.0], (1, 2), (1, 4)), [0.0, 2.0, 6.0, 8.0]);
        assert_eq!(nearest_places(3, 7), [0, 0, 0, 1, 1, 2, 2]);
        assert_eq!(nearest_places(5, 2), [0, 2]);
    }

    #[test]
    fn channels_stay_apart() {
        let planes = [0.0, 4.0, 10.0, 20.0, 7.0, 7.0];
        let channels = Channels::of_planes(&planes, (2, 1), &[1, 0], |value| value + 1.0);
        let resized = channels.resized((4, 1), &CpuPermit::for_inline_work()).expect("channels");
        assert_eq!(resized.values, [11.0, 1.0, 13.5, 2.0, 18.5, 4.0, 21.0, 5.0]);
        let sums = resized.map_pixels(1, |from, to| to[0] = from.iter().sum());
        assert_eq!(sums.values, [12.0, 15.5, 22.5, 26.0]);
    }

    #[test]
    fn no_pixels_are_an_error() {
        let channels = Channels::of_planes(&[], (0, 3), &[0], |value| value);
        assert!(channels.resized((4, 4), &CpuPermit::for_inline_work()).is_err());
    }
}
