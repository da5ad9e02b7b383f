//! The image of the test vectors, and their hash.

use image::{Rgb, RgbImage};

/// The image that `vectors/make.py` computes too.
pub(crate) fn picture(width: u32, height: u32) -> RgbImage {
    let level = |x: u32, y: u32, c: u32| (x * x * 3 + y * 7 * (c + 1) + x * y * (c + 2) + (x / 5) * (y / 3) * 91) % 256;
    RgbImage::from_fn(width, height, |x, y| Rgb([0, 1, 2].map(|c| u8::try_from(level(x, y, c)).unwrap_or(0))))
}

/// The FNV-1a hash of `bytes`, in hexadecimal digits.
pub(crate) fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    format!("{:016x}", bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step))
}
