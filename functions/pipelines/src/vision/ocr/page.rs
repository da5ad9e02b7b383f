//! An image as the networks see it: bounded in size, and with bars above and below if it is a single line.

use amaas_model::task::InvalidInput;
use image::RgbImage;

use super::bilinear::resize_bilinear;
use super::geometry::{Corners, Point};

/// An image in a size that the networks can take.
#[derive(Clone, Debug)]
pub(super) struct Page {
    image: RgbImage,
    /// The size of the image that was sent.
    original: (u32, u32),
    /// Black rows above the image.
    bar: u32,
}

impl Page {
    /// The page of `image`, whose sides get [`MIN_SIDE`] to [`MAX_SIDE`] pixels.
    ///
    /// # Errors
    /// If the image is empty, or too long for its width.
    pub(super) fn of(image: RgbImage) -> Result<Self, InvalidInput> {
        let original = image.dimensions();
        let (short, long) = (original.0.min(original.1), original.0.max(original.1));
        if short == 0 {
            return Err(InvalidInput::new("expected an image with pixels, got none"));
        }
        if long > short * MAX_RATIO {
            let got = long / short;
            return Err(InvalidInput::new(format!(
                "expected an image whose longer side is at most {MAX_RATIO} times the shorter one, got {got} times"
            )));
        }
        let mut image = image;
        if long > MAX_SIDE {
            image = scaled(&image, f64::from(MAX_SIDE) / f64::from(long));
        }
        let short = image.width().min(image.height());
        if short < MIN_SIDE {
            image = scaled(&image, f64::from(MIN_SIDE) / f64::from(short));
        }
        Ok(Self { image, original, bar: 0 })
    }

    /// The same page, with black bars above and below if it is flat: a detector misses lines that touch the edges.
    pub(super) fn with_bars(mut self) -> Self {
        let (width, height) = self.image.dimensions();
        if height > MIN_SIDE && u64::from(width) <= u64::from(height) * u64::from(FLAT_RATIO) {
            return self;
        }
        self.bar = (2 * (width / FLAT_RATIO).max(MIN_SIDE)).abs_diff(height) / 2;
        let mut with_bars = RgbImage::new(width, height + 2 * self.bar);
        image::imageops::replace(&mut with_bars, &self.image, 0, i64::from(self.bar));
        self.image = with_bars;
        self
    }

    /// Its pixels.
    pub(super) fn image(&self) -> &RgbImage {
        &self.image
    }

    /// The corners of the whole image, in its own pixels.
    pub(super) fn outline(&self) -> Corners {
        let (width, height) = (to_f32(self.original.0), to_f32(self.original.1));
        [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]]
    }

    /// The place in the image of a point of the page.
    pub(super) fn original_point(&self, [x, y]: Point) -> Point {
        let (width, height) = (to_f32(self.original.0), to_f32(self.original.1));
        let (page_width, page_height) = (to_f32(self.image.width()), to_f32(self.image.height() - 2 * self.bar));
        let y = y - to_f32(self.bar);
        [(x * (width / page_width)).clamp(0.0, width), (y * (height / page_height)).clamp(0.0, height)]
    }
}

/// A size in the ratio, and in multiples of 32, which networks that halve an image five times need.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // sides are at most some 10,000
pub(super) fn scaled_size((width, height): (u32, u32), ratio: f64) -> (u32, u32) {
    let steps = |side: u32| ((f64::from(side) * ratio).floor() / f64::from(STEP)).round_ties_even() as u32;
    (steps(width).max(1) * STEP, steps(height).max(1) * STEP)
}

fn scaled(image: &RgbImage, ratio: f64) -> RgbImage {
    let (width, height) = scaled_size(image.dimensions(), ratio);
    resize_bilinear(image, width, height)
}

/// A side in pixels as FP32, exact up to 2²⁴.
#[allow(clippy::cast_precision_loss)]
pub(super) fn to_f32(side: u32) -> f32 {
    side as f32
}

const STEP: u32 = 32;
/// The shortest side of a page, as in `rapidocr`.
const MIN_SIDE: u32 = 30;
/// The longest side of a page that is not flat, as in `rapidocr`.
const MAX_SIDE: u32 = 2000;
/// A page that is wider than this many heights is flat, as in `rapidocr`.
const FLAT_RATIO: u32 = 8;
/// The largest ratio of the sides of an image. A page of this ratio has 6 megapixels with its bars.
const MAX_RATIO: u32 = 150;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::ocr::geometry::distance;

    fn size(width: u32, height: u32) -> (u32, u32) {
        Page::of(RgbImage::new(width, height)).expect("a page").with_bars().image().dimensions()
    }

    #[test]
    fn sizes_are_those_of_rapidocr() {
        assert_eq!(size(640, 480), (640, 480));
        assert_eq!(size(4000, 3000), (1984, 1504));
        assert_eq!(size(300, 20), (448, 112));
        // Bars are rounded down.
        assert_eq!(size(900, 41), (900, 223));
        assert_eq!(size(8, 11), (32, 32));
    }

    #[test]
    fn every_page_is_bounded() {
        for (width, height) in [(8192, 55), (55, 8192), (3000, 20), (20, 3000), (150, 1), (1, 150), (4096, 4096)] {
            let (width, height) = size(width, height);
            assert!(u64::from(width) * u64::from(height) < 13 << 19, "{width} x {height}");
        }
        let error = Page::of(RgbImage::new(302, 2)).expect_err("too long").to_string();
        assert!(error.ends_with("at most 150 times the shorter one, got 151 times"), "{error}");
        assert!(Page::of(RgbImage::new(0, 0)).is_err());
    }

    #[test]
    fn points_are_those_of_the_image() {
        let page = Page::of(RgbImage::new(300, 20)).expect("a page").with_bars();
        assert_eq!(page.bar, 40);
        for (on_page, in_image) in
            [([448.0, 40.0 + 16.0], [300.0, 10.0]), ([-3.0, 0.0], [0.0, 0.0]), ([500.0, 112.0], [300.0, 20.0])]
        {
            assert!(distance(page.original_point(on_page), in_image) < 1e-3, "{on_page:?}");
        }
    }
}
