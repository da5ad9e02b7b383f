//! Decodes image files, within bounds that are checked before any pixel is decoded.
//!
//! Invariant: width, height and memory are read from the header and checked before the first pixel is decoded, so that a small
//! file cannot exhaust memory. An invalid file is an error, never a panic.

use std::io::Cursor;

use image::error::{ImageError, LimitError, LimitErrorKind};
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

/// Decodes `file` to greyscale, in the orientation of its Exif data. Transparent pixels become white.
///
/// # Errors
/// [`ImageDecodeError`] says why it is refused.
pub fn grey(file: &[u8]) -> Result<GrayImage, ImageDecodeError> {
    decode(file, to_grey)
}

/// The same in colour.
///
/// # Errors
/// [`ImageDecodeError`] says why it is refused.
pub fn colour(file: &[u8]) -> Result<RgbImage, ImageDecodeError> {
    decode(file, to_colour)
}

/// The same in colour, with the levels that Pillow's `convert("RGB")` gives: transparency is dropped; of 16 bits a channel the upper 8
/// count, but grey of 16 bits is cut at 255.
///
/// ```
/// assert!(amaas_image::rgb(b"GIF89a").is_err());
/// ```
///
/// # Errors
/// [`ImageDecodeError`] says why it is refused.
pub fn rgb(file: &[u8]) -> Result<RgbImage, ImageDecodeError> {
    decode(file, to_rgb)
}

fn decode<T>(file: &[u8], levels: impl FnOnce(DynamicImage) -> T) -> Result<T, ImageDecodeError> {
    let mut reader = ImageReader::new(Cursor::new(file));
    reader.set_format(format(file).ok_or(ImageDecodeError::Format)?);
    reader.limits(limits());
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS || decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(ImageDecodeError::TooLarge);
    }
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(levels(image))
}

/// Why a file is refused; never contains data of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageDecodeError {
    /// Its magic bytes are of no supported format.
    #[error("expected a PNG, JPEG or WebP file, got something else")]
    Format,
    /// It is damaged or truncated.
    #[error("expected a whole PNG, JPEG or WebP file, got one that is damaged or cut short")]
    Damaged,
    /// It exceeds the limits.
    #[error(
        "expected at most {MAX_SIDE} pixels a side, {MAX_PIXELS} in all and {MAX_DECODED_BYTES} bytes unpacked, got more"
    )]
    TooLarge,
}

impl From<ImageError> for ImageDecodeError {
    fn from(error: ImageError) -> Self {
        let limit = |error: &LimitError| {
            matches!(error.kind(), LimitErrorKind::DimensionError | LimitErrorKind::InsufficientMemory)
        };
        match &error {
            ImageError::Limits(error) if limit(error) => Self::TooLarge,
            _ => Self::Damaged,
        }
    }
}

/// Detects the format by magic bytes, not by the client's file name or media type.
fn format(file: &[u8]) -> Option<ImageFormat> {
    let format = image::guess_format(file).ok()?;
    matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP).then_some(format)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    limits
}

fn to_grey(image: DynamicImage) -> GrayImage {
    if !image.color().has_alpha() {
        return image.into_luma8();
    }
    let both = image.into_luma_alpha8();
    GrayImage::from_fn(both.width(), both.height(), |x, y| {
        let [level, alpha] = both.get_pixel(x, y).0;
        image::Luma([on_white(level, alpha)])
    })
}

fn to_colour(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let all = image.into_rgba8();
    RgbImage::from_fn(all.width(), all.height(), |x, y| {
        let [red, green, blue, alpha] = all.get_pixel(x, y).0;
        image::Rgb([red, green, blue].map(|level| on_white(level, alpha)))
    })
}

fn to_rgb(image: DynamicImage) -> RgbImage {
    let upper = |level: u16| level.to_be_bytes()[0];
    match image {
        DynamicImage::ImageLuma16(grey) => RgbImage::from_fn(grey.width(), grey.height(), |x, y| {
            image::Rgb([u8::try_from(grey.get_pixel(x, y).0[0]).unwrap_or(u8::MAX); 3])
        }),
        DynamicImage::ImageLumaA16(grey) => {
            RgbImage::from_fn(grey.width(), grey.height(), |x, y| image::Rgb([upper(grey.get_pixel(x, y).0[0]); 3]))
        }
        DynamicImage::ImageRgb16(all) => {
            RgbImage::from_fn(all.width(), all.height(), |x, y| image::Rgb(all.get_pixel(x, y).0.map(upper)))
        }
        DynamicImage::ImageRgba16(all) => RgbImage::from_fn(all.width(), all.height(), |x, y| {
            let [red, green, blue, _] = all.get_pixel(x, y).0;
            image::Rgb([red, green, blue].map(upper))
        }),
        image => image.into_rgb8(),
    }
}

fn on_white(level: u8, alpha: u8) -> u8 {
    let (level, alpha) = (u16::from(level), u16::from(alpha));
    // Both terms together are at most 255 · 255, so the quotient is at most 255.
    u8::try_from((level * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
}

/// The longer side of a photo of 24 megapixels, rounded up.
const MAX_SIDE: u32 = 8192;
/// A photo of 12 megapixels passes, one of 24 does not.
pub const MAX_PIXELS: u64 = 1 << 24;
/// [`MAX_PIXELS`] of four bytes each.
const MAX_DECODED_BYTES: u64 = 64 << 20;
/// /// Bound on the memory of decoding one file: the decoded pixels, and a converted copy. Concurrent calls need this much each;
/// nothing here limits their number.
pub const MAX_MEMORY_BYTES: usize = 128 << 20;

#[cfg(test)]
mod tests {
    use image::{Luma, LumaA, Rgb};
    use proptest::prelude::*;

    use super::*;

    fn decode(file: &[u8]) -> Result<GrayImage, ImageDecodeError> {
        grey(file)
    }

    fn packed(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        image.write_to(&mut file, format).expect("the formats can be written");
        file.into_inner()
    }

    fn picture(format: ImageFormat) -> Vec<u8> {
        let levels =
            |x: u32, y: u32| Rgb([0, 1, 2].map(|channel| u8::try_from((x * 7 + y * channel) % 256).unwrap_or(0)));
        packed(&image::RgbImage::from_fn(40, 30, levels).into(), format)
    }

    /// A PNG that says that it has so many pixels, which are all black and pack to a thousandth.
    fn bomb(width: u32, height: u32) -> Vec<u8> {
        packed(&GrayImage::new(width, height).into(), ImageFormat::Png)
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let mut gif = b"GIF89a".to_vec();
        gif.resize(100, 0);
        for (name, file, expected) in [
            ("empty", vec![], ImageDecodeError::Format),
            ("text", b"seven".to_vec(), ImageDecodeError::Format),
            ("another format", gif, ImageDecodeError::Format),
            ("a bitmap", b"BM\x46\0\0\0".to_vec(), ImageDecodeError::Format),
            ("a signature alone", b"\x89PNG\r\n\x1a\n".to_vec(), ImageDecodeError::Damaged),
            ("the beginning of a JPEG", b"\xff\xd8\xff\xe0".to_vec(), ImageDecodeError::Damaged),
            ("the beginning of a WebP", b"RIFF\x04\0\0\0WEBP".to_vec(), ImageDecodeError::Damaged),
        ] {
            assert_eq!(decode(&file).expect_err(name), expected, "{name}");
        }
    }

    #[test]
    fn a_small_file_cannot_unpack_to_much() {
        let file = bomb(8000, 2000);
        assert!(file.len() < 100_000, "{}", file.len());
        assert_eq!(decode(&file).map(|image| image.dimensions()), Ok((8000, 2000)));
        for (width, height) in [(4097, 4096), (8193, 1), (1, 8193)] {
            assert_eq!(
                decode(&bomb(width, height)).expect_err("too large"),
                ImageDecodeError::TooLarge,
                "{width} x {height}"
            );
        }
        // The header is believed before there are any pixels: width and height of 2³¹ - 1, and a header's checksum.
        let mut huge = bomb(1, 1);
        huge[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        let checksum = crc32(&huge[12..29]).to_be_bytes();
        huge[29..33].copy_from_slice(&checksum);
        assert_eq!(decode(&huge).expect_err("too large"), ImageDecodeError::TooLarge);
        // Fewer pixels, of eight bytes each.
        let deep = packed(&image::ImageBuffer::<image::Rgba<u16>, _>::new(4096, 2049).into(), ImageFormat::Png);
        assert_eq!(decode(&deep).expect_err("too many bytes"), ImageDecodeError::TooLarge);
        // A JPEG of the largest size that its header can tell.
        let mut wide = picture(ImageFormat::Jpeg);
        let start = wide.windows(2).position(|marker| matches!(marker, [0xff, 0xc0 | 0xc2])).expect("a frame");
        wide[start + 5..start + 9].copy_from_slice(&[0xff; 4]);
        assert_eq!(decode(&wide).expect_err("too large"), ImageDecodeError::TooLarge);
    }

    #[test]
    fn what_is_transparent_is_white() {
        let image = image::GrayAlphaImage::from_fn(3, 1, |x, _| LumaA([[0, 255], [0, 0], [100, 128]][x as usize]));
        let grey = decode(&packed(&image.into(), ImageFormat::Png)).expect("an image");
        assert_eq!(grey.pixels().map(|Luma([level])| *level).collect::<Vec<_>>(), [0, 255, 177]);
        let image = image::RgbaImage::from_fn(2, 1, |x, _| image::Rgba([[1, 2, 3, 255], [9, 100, 200, 0]][x as usize]));
        let colour = colour(&packed(&image.into(), ImageFormat::Png)).expect("an image");
        assert_eq!(colour.into_raw(), [1, 2, 3, 255, 255, 255]);
    }

    #[test]
    fn rgb_is_what_pillow_converts_to() {
        let levels = |image: DynamicImage| rgb(&packed(&image, ImageFormat::Png)).expect("an image").into_raw();
        let alpha = image::RgbaImage::from_pixel(1, 1, image::Rgba([9, 100, 200, 0]));
        assert_eq!(levels(alpha.into()), [9, 100, 200]);
        let deep = image::ImageBuffer::from_pixel(1, 1, Rgb([0x12ff_u16, 0xff00, 255]));
        assert_eq!(levels(deep.into()), [0x12, 0xff, 0]);
        // As Pillow does, although it makes almost everything white.
        let grey = image::ImageBuffer::from_fn(3, 1, |x, _| Luma([[7_u16, 255, 256][x as usize]]));
        assert_eq!(levels(grey.into()), [7, 7, 7, 255, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn a_file_that_is_cut_short_gives_no_image() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let whole = picture(format);
            assert_eq!(decode(&whole).map(|image| image.dimensions()), Ok((40, 30)));
            assert!(decode(&whole[..whole.len() / 4]).is_err(), "{format:?}");
            assert!((0..whole.len()).filter(|length| decode(&whole[..*length]).is_err()).count() > whole.len() / 2);
        }
    }

    proptest! {
        #[test]
        fn damaged_files_are_answered(
            format in prop::sample::select(vec![ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP]),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut file = picture(format);
            for (place, byte) in changes {
                let place = place.index(file.len());
                file[place] = byte;
            }
            if let Ok(image) = decode(&file) {
                prop_assert!(u64::from(image.width()) * u64::from(image.height()) <= MAX_PIXELS);
            }
        }

        #[test]
        fn any_bytes_behind_a_signature_are_answered(
            signature in prop::sample::select(vec![&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"RIFF\x40\0\0\0WEBPVP8 "]),
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert!(decode(&[signature, &rest].concat()).is_err());
        }
    }

    /// ISO 3309, as PNG has it (RFC 2083 §15).
    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
        !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
    }
}
