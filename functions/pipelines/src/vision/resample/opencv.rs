//! Bilinear resizing as `OpenCV`'s `resize` does with `INTER_LINEAR`: two pixels an axis at any scale, in fixed-point numbers.
//!
//! YOLO's networks are trained on images that `OpenCV` resized. Unlike Pillow, it does not widen the filter when an image gets smaller.

use image::RgbImage;

/// `image` in `width` x `height` pixels.
pub(in crate::vision) fn resize_like_opencv(image: RgbImage, width: u32, height: u32) -> RgbImage {
    let (old_width, old_height) = image.dimensions();
    if (width, height) == (old_width, old_height) {
        return image;
    }
    if [width, height, old_width, old_height].contains(&0) {
        return RgbImage::new(width, height);
    }
    if (old_width, old_height) == (2 * width, 2 * height) {
        return halved(&image, width, height);
    }
    let columns = taps(old_width as usize, width as usize, true);
    let row_size = CHANNELS * old_width as usize;
    let row = |place: usize| resized_row(&image.as_raw()[place * row_size..(place + 1) * row_size], &columns);
    let mut levels = Vec::with_capacity(CHANNELS * width as usize * height as usize);
    for Tap { places: [upper, lower], weights: [of_upper, of_lower] } in
        taps(old_height as usize, height as usize, false)
    {
        let rows = row(upper).into_iter().zip(row(lower));
        levels.extend(rows.map(|(upper, lower)| {
            let sum = ((of_upper * (upper >> 4)) >> 16) + ((of_lower * (lower >> 4)) >> 16);
            u8::try_from(((sum + 2) >> 2).clamp(0, 255)).unwrap_or(u8::MAX)
        }));
    }
    RgbImage::from_raw(width, height, levels).unwrap_or_default()
}

/// The two pixels of an axis that a pixel of the result is computed from, and their weights of [`ONE`] in all.
struct Tap {
    places: [usize; 2],
    weights: [i32; 2],
}

/// The taps that resize an axis from `old` to `new` pixels. Beyond the ends, a tap is one pixel if `single_at_ends`, else the same one twice.
// Lengths are below 2^24, and positions within them.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]
fn taps(old: usize, new: usize, single_at_ends: bool) -> Vec<Tap> {
    let scale = 1.0 / (new as f64 / old as f64);
    let last = old as i64 - 1;
    let tap = |pixel: usize| {
        let position = ((pixel as f64 + 0.5) * scale - 0.5) as f32;
        let mut first = position.floor() as i64;
        let mut share = position - position.floor();
        if single_at_ends && (first < 0 || first >= last) {
            (first, share) = (first.clamp(0, last), 0.0);
        }
        let place = |place: i64| place.clamp(0, last) as usize;
        let weight = |share: f32| (share * ONE).round_ties_even() as i32;
        Tap { places: [place(first), place(first + 1)], weights: [weight(1.0 - share), weight(share)] }
    };
    (0..new).map(tap).collect()
}

/// A row with a pixel for each of `columns`, times [`ONE`].
fn resized_row(row: &[u8], columns: &[Tap]) -> Vec<i32> {
    let mut resized = Vec::with_capacity(columns.len() * CHANNELS);
    for Tap { places: [left, right], weights: [of_left, of_right] } in columns {
        let pixel = |place: usize| &row[place * CHANNELS..(place + 1) * CHANNELS];
        let pairs = pixel(*left).iter().zip(pixel(*right));
        resized.extend(pairs.map(|(left, right)| i32::from(*left) * of_left + i32::from(*right) * of_right));
    }
    resized
}

/// Half the size: `OpenCV` takes the mean of four pixels then.
fn halved(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let corners =
            [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(right, down)| image.get_pixel(2 * x + right, 2 * y + down));
        let mean = |channel: usize| (corners.iter().map(|pixel| u16::from(pixel.0[channel])).sum::<u16>() + 2) >> 2;
        image::Rgb([0, 1, 2].map(|channel| u8::try_from(mean(channel)).unwrap_or(u8::MAX)))
    })
}

const CHANNELS: usize = 3;
/// The weight of one pixel.
const ONE: f32 = 2048.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::picture::picture;

    fn row(levels: &[u8]) -> RgbImage {
        let width = u32::try_from(levels.len()).expect("a length");
        RgbImage::from_fn(width, 1, |x, _| image::Rgb([levels[x as usize]; 3]))
    }

    fn resized(levels: &[u8], width: u32) -> Vec<u8> {
        resize_like_opencv(row(levels), width, 1).pixels().map(|pixel| pixel.0[0]).collect()
    }

    #[test]
    fn two_pixels_are_weighted_at_any_scale() {
        // cv2.resize(numpy.uint8([[0, 100]]), (4, 1)) and so on.
        assert_eq!(resized(&[0, 100], 4), [0, 25, 75, 100]);
        // The pixels between the two nearest ones have no weight.
        assert_eq!(resized(&[0, 255, 0, 255, 255, 0, 255, 0], 2), [128, 128]);
        assert_eq!(resized(&[10, 20, 90, 40, 50, 200], 2), [20, 50]);
    }

    #[test]
    fn half_the_size_is_the_mean_of_four_pixels() {
        let image = picture(6, 4);
        let half = resize_like_opencv(image.clone(), 3, 2);
        let sum: u32 =
            [(2, 2), (3, 2), (2, 3), (3, 3)].iter().map(|(x, y)| u32::from(image.get_pixel(*x, *y).0[1])).sum();
        assert_eq!(u32::from(half.get_pixel(1, 1).0[1]), (sum + 2) / 4);
        assert_eq!(resize_like_opencv(image.clone(), 6, 4), image);
    }
}
