//! Cutting a line out of a page: a perspective transform of its box to a rectangle, with bicubic resampling.
//!
//! The cubic has a = -0.75, as in `OpenCV`. Places are not rounded, as in `OpenCV` 5; `OpenCV` 4 rounds them to 1/32 pixel.

use image::{Rgb, RgbImage, imageops};

use super::geometry::{Corners, distance};

/// The size of the image that [`crop`] cuts out for a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CropSize {
    /// Width and height in the direction of the box.
    size: (u32, u32),
}

impl CropSize {
    /// The size for the box `corners`.
    pub(super) fn of([top_left, top_right, bottom_right, bottom_left]: &Corners) -> Self {
        let width = distance(*top_left, *top_right).max(distance(*bottom_right, *bottom_left));
        let height = distance(*top_left, *bottom_left).max(distance(*top_right, *bottom_right));
        Self { size: (to_side(width), to_side(height)) }
    }

    /// Its pixels.
    pub(super) fn pixels(self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1)
    }

    /// Width and height of the image that is cut out.
    pub(super) fn upright(self) -> (u32, u32) {
        if self.is_high() { (self.size.1, self.size.0) } else { self.size }
    }

    /// Whether the text is read from the bottom up.
    fn is_high(self) -> bool {
        2 * u64::from(self.size.1) >= 3 * u64::from(self.size.0)
    }
}

/// The part of `page` in the box `corners`. A high one is rotated by 90° counterclockwise.
pub(super) fn crop(page: &RgbImage, corners: &Corners) -> RgbImage {
    let size = CropSize::of(corners);
    let (width, height) = size.size;
    let transform = Transform::of(corners, size.size);
    let cropped = RgbImage::from_fn(width, height, |x, y| sample(page, transform.place(x, y)));
    if size.is_high() { imageops::rotate270(&cropped) } else { cropped }
}

/// A perspective transform from pixels of a crop to places on the page.
#[derive(Debug)]
struct Transform {
    x: [f64; 3],
    y: [f64; 3],
    scale: [f64; 2],
}

impl Transform {
    /// The transform of a rectangle of `width` x `height` pixels to `corners`: a square's, and the sides' lengths.
    fn of(corners: &Corners, (width, height): (u32, u32)) -> Self {
        let [a, b, c, d] = corners.map(|corner| corner.map(f64::from));
        let (right, left) = ([b[0] - c[0], b[1] - c[1]], [d[0] - c[0], d[1] - c[1]]);
        let rest = [a[0] - b[0] + c[0] - d[0], a[1] - b[1] + c[1] - d[1]];
        let determinant = right[0] * left[1] - left[0] * right[1];
        let scale = if determinant == 0.0 {
            [0.0, 0.0]
        } else {
            [
                (rest[0] * left[1] - left[0] * rest[1]) / determinant,
                (right[0] * rest[1] - rest[0] * right[1]) / determinant,
            ]
        };
        let axis = |axis: usize| {
            let across = b[axis] - a[axis] + scale[0] * b[axis];
            let down = d[axis] - a[axis] + scale[1] * d[axis];
            [across / f64::from(width), down / f64::from(height), a[axis]]
        };
        Self { x: axis(0), y: axis(1), scale: [scale[0] / f64::from(width), scale[1] / f64::from(height)] }
    }

    /// The place on the page of a pixel of the crop.
    fn place(&self, x: u32, y: u32) -> [f64; 2] {
        let (x, y) = (f64::from(x), f64::from(y));
        let of = |[across, down, offset]: [f64; 3]| across * x + down * y + offset;
        let scale = of([self.scale[0], self.scale[1], 1.0]);
        [of(self.x) / scale, of(self.y) / scale]
    }
}

/// The level of `page` at a place. Outside of the page is the level of its edge.
#[allow(clippy::cast_possible_truncation)] // places out of range move to the edge of the page
fn sample(page: &RgbImage, [x, y]: [f64; 2]) -> Rgb<u8> {
    let clamped = |place: i64, size: u32| u32::try_from(place.clamp(0, i64::from(size) - 1)).unwrap_or(0);
    let pixel = |x: i64, y: i64| page.get_pixel(clamped(x, page.width()), clamped(y, page.height())).0;
    let (left, top) = (x.floor() as i64, y.floor() as i64);
    let (across, down) = ((x - x.floor()) as f32, (y - y.floor()) as f32);
    if across == 0.0 && down == 0.0 {
        return Rgb(pixel(left, top));
    }
    let (across, down) = (cubic_weights(across), cubic_weights(down));
    let mut sums = [0.0_f32; 3];
    for (row, row_weight) in (-1..).zip(down) {
        for (column, weight) in (-1..).zip(across) {
            let levels = pixel(left.saturating_add(column), top.saturating_add(row));
            for (sum, level) in sums.iter_mut().zip(levels) {
                *sum += f32::from(level) * weight * row_weight;
            }
        }
    }
    Rgb(sums.map(to_level))
}

/// The weights of four neighbours for a place that is `x` right of the second one.
fn cubic_weights(x: f32) -> [f32; 4] {
    const A: f32 = -0.75;
    let near = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    [far(1.0 + x), near(x), near(1.0 - x), far(2.0 - x)]
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn to_level(sum: f32) -> u8 {
    sum.round_ties_even().clamp(0.0, 255.0) as u8
}

/// At least 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // sides are at most some 10,000
fn to_side(length: f32) -> u32 {
    (length as u32).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::picture::picture;

    #[test]
    fn an_upright_box_is_copied() {
        let page = picture(30, 20);
        let cropped = crop(&page, &[[4.0, 3.0], [20.0, 3.0], [20.0, 12.0], [4.0, 12.0]]);
        assert_eq!(cropped, imageops::crop_imm(&page, 4, 3, 16, 9).to_image());
    }

    #[test]
    fn a_high_box_is_rotated() {
        let page = picture(30, 20);
        let corners = [[4.0, 3.0], [10.0, 3.0], [10.0, 12.0], [4.0, 12.0]];
        assert_eq!(CropSize::of(&corners).upright(), (9, 6));
        let cropped = crop(&page, &corners);
        assert_eq!(cropped.dimensions(), (9, 6));
        // The top right corner becomes the top left one.
        assert_eq!(cropped.get_pixel(0, 0), page.get_pixel(9, 3));
        assert_eq!(cropped.get_pixel(8, 5), page.get_pixel(4, 11));
    }

    #[test]
    fn a_tilted_box_is_that_of_opencv() {
        let page = smooth();
        let cropped = crop(&page, &[[5.0, 9.0], [33.0, 2.0], [36.0, 13.0], [8.0, 21.0]]);
        // cv2.warpPerspective with INTER_CUBIC and BORDER_REPLICATE.
        assert_eq!(cropped.dimensions(), (29, 12));
        let row: Vec<u8> = cropped.rows().nth(4).expect("a row").map(|pixel| pixel.0[1]).collect();
        let expected = [
            102, 111, 118, 129, 137, 144, 152, 162, 169, 175, 182, 190, 194, 202, 208, 214, 241, 250, 184, 26, 46, 21,
            0, 22, 18, 16, 33, 34, 35,
        ];
        assert!(row.iter().zip(expected).all(|(got, expected): (&u8, u8)| got.abs_diff(expected) <= 1), "{row:?}");
    }

    #[test]
    fn any_box_is_cut_out() {
        let page = picture(30, 20);
        for corners in [
            [[5.0, 5.0]; 4],
            [[0.0, 0.0], [29.0, 19.0], [0.0, 0.0], [29.0, 19.0]],
            [[29.0, 19.0], [0.0, 19.0], [0.0, 0.0], [29.0, 0.0]],
            [[0.0, 0.0], [29.0, 0.0], [3.0, 2.0], [0.0, 19.0]],
        ] {
            assert_eq!(crop(&page, &corners).dimensions(), CropSize::of(&corners).upright(), "{corners:?}");
        }
    }

    fn smooth() -> RgbImage {
        let level = |x: u32, y: u32, c: u32| (x * 5 + y * 3 * c + (x * y) / 7 * 3) % 230;
        RgbImage::from_fn(40, 24, |x, y| Rgb([0, 1, 2].map(|c| u8::try_from(level(x, y, c)).unwrap_or(0))))
    }
}
