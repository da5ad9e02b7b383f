//! The example of a pipeline that reads images, and files as inputs.

use amaas_wire::task::Image;
use bytes::Bytes;

/// A PNG of a few pixels, as JSON.
pub(super) const EXAMPLE: &str = concat!(
    r#""iVBORw0KGgoAAAANSUhEUgAAAAgAAAALAQAAAABq4PGIAAAAGElEQVR42mP4z9DI8BcIfwPhdyB8"#,
    r#"D4T/AW2jCjzCFaQsAAAAAElFTkSuQmCC""#
);

/// The file as an image, if `media_type` is one that can be decoded.
pub(super) fn image_of_file(file: &Bytes, media_type: &str) -> Option<Image> {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let types = ["image/png", "image/jpeg", "image/webp"];
    types.iter().any(|known| essence.eq_ignore_ascii_case(known)).then(|| Image::from(file.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_an_image() {
        let image: Image = serde_json::from_str(EXAMPLE).expect("an image in base64");
        assert!(amaas_image::rgb(image.as_bytes()).is_ok());
    }

    #[test]
    fn files_that_can_be_decoded_are_inputs() {
        let file = Bytes::from_static(b"file");
        assert!(image_of_file(&file, "Image/PNG; q=1").is_some_and(|image| image.as_bytes() == b"file"));
        assert_eq!(image_of_file(&file, "image/gif"), None);
    }
}
