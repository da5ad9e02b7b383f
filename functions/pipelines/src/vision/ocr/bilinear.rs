//! Bilinear resampling with the numbers of `OpenCV`'s `resize`: weights of 11 bits, and no wider filter if an image gets smaller.
//!
//! Pillow's filters, which other pipelines use, are wider if an image gets smaller: the networks of PP-OCR were not trained on that.
//! Some levels differ from `OpenCV`'s by one, because `OpenCV` has several implementations.

use image::RgbImage;

/// `image` in `width` x `height` pixels.
pub(super) fn resize_bilinear(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    if image.dimensions() == (width, height) {
        return image.clone();
    }
    if image.width() == 0 || image.height() == 0 {
        return RgbImage::new(width, height);
    }
    let (columns, rows) = (taps(image.width(), width), taps(image.height(), height));
    let row_size = CHANNELS * image.width() as usize;
    let mut upper = ResizedRow::default();
    let mut lower = ResizedRow::default();
    let mut resized = Vec::with_capacity(CHANNELS * width as usize * height as usize);
    for row in &rows {
        if lower.place == Some(row.first) {
            std::mem::swap(&mut upper, &mut lower);
        }
        upper.read(image.as_raw(), row_size, row.first, &columns);
        lower.read(image.as_raw(), row_size, row.second, &columns);
        let part = |sum: i32, weight: i32| (weight * (sum >> 4)) >> 16;
        let both = upper.sums.iter().zip(&lower.sums);
        resized.extend(both.map(|(upper, lower)| {
            let level = (part(*upper, row.weights[0]) + part(*lower, row.weights[1]) + 2) >> 2;
            u8::try_from(level.clamp(0, 255)).unwrap_or(u8::MAX)
        }));
    }
    RgbImage::from_raw(width, height, resized).unwrap_or_default()
}

/// A row of the image in the new width: sums of weighted levels.
#[derive(Default)]
struct ResizedRow {
    place: Option<usize>,
    sums: Vec<i32>,
}

impl ResizedRow {
    /// Reads the row `place` of `levels`, unless it is this one.
    fn read(&mut self, levels: &[u8], row_size: usize, place: usize, columns: &[Taps]) {
        if self.place == Some(place) {
            return;
        }
        let row = &levels[place * row_size..][..row_size];
        self.sums.clear();
        for column in columns {
            let (first, second) = (column.first * CHANNELS, column.second * CHANNELS);
            for channel in 0..CHANNELS {
                let (left, right) = (i32::from(row[first + channel]), i32::from(row[second + channel]));
                self.sums.push(left * column.weights[0] + right * column.weights[1]);
            }
        }
        self.place = Some(place);
    }
}

/// Two neighbouring pixels of the old image, and their weights in a pixel of the new one.
struct Taps {
    first: usize,
    second: usize,
    weights: [i32; 2],
}

/// The taps of each of `new` pixels along an axis of `old` pixels.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // places are within the old image
fn taps(old: u32, new: u32) -> Vec<Taps> {
    let scale = f64::from(old) / f64::from(new);
    let last = old as usize - 1;
    let clamped = |place: f32| (place.max(0.0) as usize).min(last);
    let tap = |place: u32| {
        let centre = ((f64::from(place) + 0.5) * scale - 0.5) as f32;
        let weight = ((centre - centre.floor()) * 2048.0).round_ties_even() as i32;
        // At the edges both are one pixel. Its weight is split nevertheless, which OpenCV rounds differently.
        let (first, second) = (clamped(centre.floor()), clamped(centre.floor() + 1.0));
        Taps { first, second, weights: [WEIGHT_ONE - weight, weight] }
    };
    (0..new).map(tap).collect()
}

const CHANNELS: usize = 3;
const WEIGHT_ONE: i32 = 1 << 11;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::picture::picture;

    #[test]
    fn levels_are_those_of_opencv() {
        // cv2.resize of OpenCV 5.0.0 for the picture of 9 x 7 pixels: the first row, and the sum of all levels.
        let picture = picture(9, 7);
        for (size, first_row, sum) in [
            ((4, 3), &[7, 33, 90, 178][..], 3755),
            ((14, 5), &[1, 3, 6, 12, 20, 30, 44, 60, 77, 99, 121, 147, 175, 197], 21137),
            ((20, 16), &[0, 0, 2, 4, 8, 12, 18, 25, 34, 43, 54, 66, 79, 94, 109, 126, 144, 164, 184, 192], 97575),
        ] {
            let resized = resize_bilinear(&picture, size.0, size.1);
            assert_eq!(resized.dimensions(), size);
            let row: Vec<u8> = resized.rows().next().expect("a row").map(|pixel| pixel.0[0]).collect();
            assert_eq!(row, first_row);
            assert_eq!(resized.into_raw().into_iter().map(u32::from).sum::<u32>(), sum);
        }
        assert_eq!(resize_bilinear(&picture, 9, 7), picture);
    }
}
