//! Images as inputs.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::base64_file;

/// An image as an input: the bytes of an image file. In JSON it is a string, base64 with padding (RFC 4648 §4), with or
/// without line breaks, or a `data:` URL of that (RFC 2397). `Debug` shows the size only.
///
/// ```
/// use amaas_wire::task::Image;
///
/// let image = Image::from(b"GIF89a".to_vec());
/// assert_eq!(serde_json::to_string(&image)?, r#""R0lGODlh""#);
/// assert_eq!(serde_json::from_str::<Image>(r#""R0lG\nODlh\n""#)?.as_bytes(), b"GIF89a");
/// assert_eq!(serde_json::from_str::<Image>(r#""data:image/gif;base64,R0lGODlh""#)?.as_bytes(), b"GIF89a");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(description = "The bytes of an image file, in base64 with padding, or a data: URL of that.", extend("contentEncoding" = "base64"))
)]
pub struct Image(#[cfg_attr(feature = "schema", schemars(with = "String"))] Vec<u8>);

impl Image {
    /// The bytes of the file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Image {
    fn from(file: Vec<u8>) -> Self {
        Self(file)
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} bytes)", self.0.len())
    }
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        base64_file::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        base64_file::deserialize(deserializer, "an image file in base64, with padding").map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_base64_in_any_lines_or_a_url_of_that() {
        let gif = |text: &str| serde_json::from_value::<Image>(text.into()).map(|image| image.0);
        for text in [
            "R0lGODlh",
            "R0lG\nODlh\n",
            " R0lG\r\n\tODlh",
            "data:image/gif;base64,R0lGODlh",
            "DATA:;BASE64,R0lG\nODlh",
            "data:image/gif;name=a;base64,R0lGODlh",
        ] {
            assert_eq!(gif(text).expect(text), b"GIF89a", "{text:?}");
        }
        for (text, got) in [
            ("R0lGODl", "other text"),
            ("R0lG\u{b}ODlh", "other text"),
            ("https://example.org/a.gif", "other text"),
            ("data:image/gif,GIF89a", "a data: URL without \";base64,\""),
            ("data:", "a data: URL without \";base64,\""),
            ("dat", "other text"),
        ] {
            let error = gif(text).expect_err(text).to_string();
            assert_eq!(
                error,
                format!("invalid value: {got}, expected an image file in base64, with padding"),
                "{text:?}"
            );
        }
    }
}
