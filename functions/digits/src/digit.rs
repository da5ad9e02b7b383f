//! Normalises a drawn digit as MNIST does: white on black, 28 × 28, the ink scaled into 20 × 20 with its centre of mass in the middle.
//!
//! An image of 28 × 28 with a black border is not changed; one with a white border is inverted. Otherwise the border's median is the
//! background, and the levels furthest from it, darker or brighter, are ink.

use image::imageops::{FilterType, crop_imm, resize};
use image::{GrayImage, Luma};

/// The pixels of the digit in `image`, row by row; `None` if nothing differs enough from the background.
pub fn digit(mut image: GrayImage) -> Option<[u8; PIXELS]> {
    let background = white_on_black(&mut image)?;
    if image.dimensions() == (SIDE, SIDE) && background <= MAX_BLACK_LEVEL {
        return image.as_raw().as_slice().try_into().ok();
    }
    stretch(&mut image, background);
    let (left, top, width, height) = ink_box(&image)?;
    let (wide, high) = fitted_size(width, height);
    let mut small = resize(&*crop_imm(&image, left, top, width, height), wide, high, FilterType::Triangle);
    // Thin strokes lose contrast when they are scaled down.
    stretch(&mut small, 0);
    Some(centred(&small))
}

/// Inverts `image` if its ink is darker than its background, and returns the background's level.
fn white_on_black(image: &mut GrayImage) -> Option<u8> {
    let background = border_median(image)?;
    let (darkest, brightest) =
        image.as_raw().iter().fold((255, 0), |(low, high), level| (level.min(&low).to_owned(), *level.max(&high)));
    let (darker, brighter) = (background - darkest, brightest - background);
    if darker.max(brighter) < MIN_CONTRAST {
        return None;
    }
    if brighter >= darker {
        return Some(background);
    }
    image.iter_mut().for_each(|level| *level = 255 - *level);
    Some(255 - background)
}

/// The median of the outermost pixels; `None` for an image without pixels.
fn border_median(image: &GrayImage) -> Option<u8> {
    let (right, bottom) = (image.width().checked_sub(1)?, image.height().checked_sub(1)?);
    let rows = (0..=right).flat_map(|x| [(x, 0), (x, bottom)]);
    let columns = (0..=bottom).flat_map(|y| [(0, y), (right, y)]);
    let mut border: Vec<u8> = rows.chain(columns).map(|(x, y)| image.get_pixel(x, y).0[0]).collect();
    let middle = border.len() / 2;
    Some(*border.select_nth_unstable(middle).1)
}

/// Stretches the levels from `background`, which becomes black, to the brightest, which becomes white.
fn stretch(image: &mut GrayImage, background: u8) {
    let brightest = image.iter().copied().max().unwrap_or_default();
    let range = u16::from(brightest.saturating_sub(background)).max(1);
    for level in image.iter_mut() {
        let above = u16::from(level.saturating_sub(background));
        *level = u8::try_from(above * 255 / range).unwrap_or(u8::MAX);
    }
}

/// The smallest box around all pixels of at least half the full level: left, top, width, height.
fn ink_box(image: &GrayImage) -> Option<(u32, u32, u32, u32)> {
    let bright =
        image.enumerate_pixels().filter(|(_, _, level)| level.0[0] >= MIN_INK_LEVEL).map(|(x, y, _)| (x, y, x, y));
    let (left, top, right, bottom) = bright.reduce(|a, b| (a.0.min(b.0), a.1.min(b.1), a.2.max(b.2), a.3.max(b.3)))?;
    Some((left, top, right - left + 1, bottom - top + 1))
}

/// The longer side as 20, the other in proportion, at least one pixel.
fn fitted_size(width: u32, height: u32) -> (u32, u32) {
    let longer = width.max(height);
    let scaled = |side: u32| ((side * BOX_SIDE + longer / 2) / longer).max(1);
    (scaled(width), scaled(height))
}

/// `small` on black, its centre of mass on the pixel (14, 14), as near as it fits.
fn centred(small: &GrayImage) -> [u8; PIXELS] {
    let sums = small.enumerate_pixels().fold((0, 0, 0), |(mass, across, down), (x, y, level)| {
        let level = u32::from(level.0[0]);
        (mass + level, across + level * x, down + level * y)
    });
    let (mass, across, down) = (sums.0.max(1), sums.1, sums.2);
    let offset = |moment: u32, side: u32| (SIDE / 2).saturating_sub((moment + mass / 2) / mass).min(SIDE - side);
    let (left, top) = (offset(across, small.width()), offset(down, small.height()));
    let mut whole = GrayImage::from_pixel(SIDE, SIDE, Luma([0]));
    image::imageops::replace(&mut whole, small, left.into(), top.into());
    whole.as_raw().as_slice().try_into().unwrap_or([0; PIXELS])
}

/// Pixels a side.
/// The network's input: pixels a side.
pub const SIDE: u32 = 28;
/// The network's input: pixels.
pub const PIXELS: usize = 28 * 28;
/// The box of MNIST's digits: pixels a side.
const BOX_SIDE: u32 = 20;
/// The brightest border that counts as black: lossy formats are not exact.
const MAX_BLACK_LEVEL: u8 = 16;
/// An eighth of the range: lower contrast is the paper's own shade.
const MIN_CONTRAST: u8 = 32;
const MIN_INK_LEVEL: u8 = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mnist_like() -> GrayImage {
        GrayImage::from_fn(SIDE, SIDE, |x, y| {
            let ink = (12..16).contains(&x) && (4..24).contains(&y);
            Luma([if ink { u8::try_from(y * 10).unwrap_or(0) + 10 } else { 0 }])
        })
    }

    #[test]
    fn an_image_of_mnists_own_goes_through_as_it_is() {
        let image = mnist_like();
        assert_eq!(digit(image.clone()).expect("ink").as_slice(), image.as_raw());
        let mut black_on_white = image.clone();
        black_on_white.iter_mut().for_each(|level| *level = 255 - *level);
        assert_eq!(digit(black_on_white).expect("ink").as_slice(), image.as_raw());
    }

    #[test]
    fn the_same_digit_comes_out_wherever_and_however_it_was_drawn() {
        let bar = |width, height, left: u32, top: u32, ink: u8, paper: u8| {
            let inside = move |x, y| (left..left + 10).contains(&x) && (top..top + 40).contains(&y);
            digit(GrayImage::from_fn(width, height, |x, y| Luma([if inside(x, y) { ink } else { paper }])))
                .expect("ink")
        };
        let expected = bar(100, 100, 45, 30, 255, 0);
        assert_eq!(expected.iter().filter(|level| **level > 0).count(), 5 * 20);
        for other in [
            bar(100, 100, 2, 2, 255, 0),
            bar(300, 60, 200, 10, 255, 0),
            bar(100, 100, 45, 30, 0, 255),
            bar(100, 100, 45, 30, 30, 110),
            bar(100, 100, 45, 30, 200, 150),
        ] {
            assert_eq!(other, expected);
        }
    }

    #[test]
    fn nothing_is_found_where_nothing_stands_out() {
        for image in [GrayImage::new(28, 28), GrayImage::from_pixel(1, 1, Luma([200])), GrayImage::new(0, 0)] {
            assert_eq!(digit(image), None);
        }
        assert_eq!(digit(GrayImage::from_fn(50, 50, |x, _| Luma([200 + u8::from(x > 25) * 31]))), None);
    }

    proptest! {
        #[test]
        fn any_pixels_are_taken(width in 1..60_u32, height in 1..60_u32, levels in prop::collection::vec(any::<u8>(), 3600)) {
            let pixels = (width * height) as usize;
            let image = GrayImage::from_raw(width, height, levels[..pixels].to_vec()).expect("as many as it has");
            if let Some(digit) = digit(image) {
                prop_assert!(digit.iter().any(|level| *level > 0));
            }
        }

        #[test]
        fn thin_shapes_are_taken(width in 1..3000_u32, height in 1..3_u32, level in 32..=255_u8) {
            let line = |x, _| Luma([if x == width / 2 { level } else { 0 }]);
            let _ = digit(GrayImage::from_fn(width, height, line));
        }
    }
}
