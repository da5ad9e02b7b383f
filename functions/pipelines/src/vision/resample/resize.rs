//! Resizing in two passes, one for each axis, with levels of 8 bits between them.
//!
//! The order of the passes is that of Pillow 13, because it changes levels: vertical first if that removes more pixels. Earlier versions of
//! Pillow begin with the horizontal pass always.

use image::RgbImage;

use super::ResampleFilter;
use super::windows::{FRACTION_BITS, FilterWindows};

/// `image` in `width` x `height` pixels.
///
/// Needs the memory of the result, and of an image with one new side and one old side.
pub fn resize(image: RgbImage, width: u32, height: u32, filter: ResampleFilter) -> RgbImage {
    let (old_width, old_height) = image.dimensions();
    if (width, height) == (old_width, old_height) {
        return image;
    }
    if [width, height, old_width, old_height].contains(&0) {
        return RgbImage::new(width, height);
    }
    if filter == ResampleFilter::Nearest {
        return nearest(&image, width, height);
    }
    let windows = |old: u32, new: u32| FilterWindows::new(filter, old as usize, new as usize);
    let (columns, rows) = (windows(old_width, width), windows(old_height, height));
    let (row_size, old_row_size) = (CHANNELS * width as usize, CHANNELS * old_width as usize);
    let mut levels = image.into_raw();
    if vertical_first((old_width, old_height), (width, height)) {
        levels = resize_columns(&levels, old_row_size, 0, &rows);
        levels = if width == old_width { levels } else { resize_rows(&levels, old_row_size, &columns) };
    } else if height == old_height {
        levels = resize_rows(&levels, old_row_size, &columns);
    } else {
        // Rows that the vertical pass does not read are left out.
        let read = rows.range();
        let first_row = if width == old_width { 0 } else { read.start };
        if width != old_width {
            levels = resize_rows(&levels[read.start * old_row_size..read.end * old_row_size], old_row_size, &columns);
        }
        levels = resize_columns(&levels, row_size, first_row, &rows);
    }
    RgbImage::from_raw(width, height, levels).unwrap_or_default()
}

/// Whether the vertical pass comes first, for an image of the size `old` (width, height) that gets the size `new`.
fn vertical_first(old: (u32, u32), new: (u32, u32)) -> bool {
    let fewer = |old: u32, new: u32| i64::from(old) - i64::from(new);
    let (columns, rows) = (fewer(old.0, new.0), fewer(old.1, new.1));
    rows > 0 && rows > 2 * columns
}

/// Rows of `old_row_size` levels, resized to a pixel for each of `columns`.
fn resize_rows(levels: &[u8], old_row_size: usize, columns: &FilterWindows) -> Vec<u8> {
    let rows = levels.chunks_exact(old_row_size);
    let mut resized = Vec::with_capacity(rows.len() * columns.count() * CHANNELS);
    for row in rows {
        for (first, weights) in columns.iter() {
            let mut sums = [ONE_HALF; CHANNELS];
            for (pixel, weight) in row[first * CHANNELS..].chunks_exact(CHANNELS).zip(weights) {
                for (sum, level) in sums.iter_mut().zip(pixel) {
                    *sum = sum.wrapping_add(i32::from(*level) * weight);
                }
            }
            resized.extend(sums.map(level));
        }
    }
    resized
}

/// A row of `row_size` levels for each of `rows`, from `levels`, which begin with the row `first_row`.
fn resize_columns(levels: &[u8], row_size: usize, first_row: usize, rows: &FilterWindows) -> Vec<u8> {
    let mut resized = Vec::with_capacity(rows.count() * row_size);
    let mut sums = vec![ONE_HALF; row_size];
    for (first, weights) in rows.iter() {
        sums.fill(ONE_HALF);
        for (row, weight) in levels[(first - first_row) * row_size..].chunks_exact(row_size).zip(weights) {
            for (sum, level) in sums.iter_mut().zip(row) {
                *sum = sum.wrapping_add(i32::from(*level) * weight);
            }
        }
        resized.extend(sums.iter().map(|sum| level(*sum)));
    }
    resized
}

/// The level of a sum of weighted levels and one half.
fn level(sum: i32) -> u8 {
    u8::try_from((sum >> FRACTION_BITS).clamp(0, 255)).unwrap_or(u8::MAX)
}

/// Each pixel is the one at the same place of `image`.
fn nearest(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    let (columns, rows) = (nearest_places(image.width(), width), nearest_places(image.height(), height));
    RgbImage::from_fn(width, height, |x, y| *image.get_pixel(columns[x as usize], rows[y as usize]))
}

/// The pixel of `old` ones for each of `new` ones. Places are added up, as Pillow does, so that they are rounded as there.
// A place is at most `old`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn nearest_places(old: u32, new: u32) -> Vec<u32> {
    let step = f64::from(old) / f64::from(new);
    let places = std::iter::successors(Some(step * 0.5), |place| Some(place + step));
    places.take(new as usize).map(|place| (place as u32).min(old - 1)).collect()
}

const CHANNELS: usize = 3;
const ONE_HALF: i32 = 1 << (FRACTION_BITS - 1);

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::vision::picture::{fnv1a, picture};

    #[derive(Deserialize)]
    struct Vector {
        old: (u32, u32),
        new: (u32, u32),
        resample: u64,
        hash: String,
    }

    #[test]
    fn levels_are_those_of_pillow() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../vectors/resized.json")).expect("vectors");
        assert_eq!(vectors.len(), 6 * 7 * 6);
        for Vector { old, new, resample, hash } in vectors {
            let filter = ResampleFilter::from_number(resample).expect("a filter");
            let image = resize(picture(old.0, old.1), new.0, new.1, filter);
            assert_eq!(image.dimensions(), new);
            assert_eq!(fnv1a(image.into_raw()), hash, "{filter:?} from {old:?} to {new:?}");
        }
    }
}
