//! Cropping of an image's centre.

use image::{Rgb, RgbImage};

use super::size::Size;

/// The centre of `image`; if the image is smaller, it is in the centre of black.
pub(super) fn center_crop(image: &RgbImage, size: Size) -> RgbImage {
    let start = |old: u32, new: u32| (i64::from(old) - i64::from(new)).div_euclid(2);
    let (mut left, mut top) = (start(image.width(), size.width), start(image.height(), size.height));
    // `transformers` pads first, and rounds the padding down.
    if left < 0 || top < 0 || image.width() < size.width || image.height() < size.height {
        let pad = |old: u32, new: u32| i64::from(new.max(old) - old) / 2;
        let (pad_left, pad_top) = (pad(image.width(), size.width), pad(image.height(), size.height));
        let inside = |start: i64, pad: i64| (start + pad).max(0) - pad;
        (left, top) = (inside(left, pad_left), inside(top, pad_top));
    }
    RgbImage::from_fn(size.width, size.height, |x, y| {
        let place = (u32::try_from(i64::from(x) + left), u32::try_from(i64::from(y) + top));
        let pixel = place.0.ok().zip(place.1.ok()).and_then(|(x, y)| image.get_pixel_checked(x, y));
        pixel.copied().unwrap_or(Rgb([0; 3]))
    })
}
