//! Images as inputs.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

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
        serializer.collect_str(&base64::display::Base64Display::new(&self.0, &STANDARD))
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ImageVisitor)
    }
}

struct ImageVisitor;

impl Visitor<'_> for ImageVisitor {
    type Value = Image;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an image file in base64, with padding")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Image, E> {
        let refused = |got| E::invalid_value(Unexpected::Other(got), &self);
        let text = match text.get(..DATA_URL_SCHEME.len()) {
            Some(scheme) if scheme.eq_ignore_ascii_case(DATA_URL_SCHEME) => {
                let (of, data) = text.split_once(',').unwrap_or((text, ""));
                let is_base64 =
                    of.rsplit(';').next().is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case("base64"));
                if is_base64 { data } else { return Err(refused("a data: URL without \";base64,\"")) }
            }
            _ => text,
        };
        let decoded = if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
            // MIME encoders break lines.
            let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            STANDARD.decode(text)
        } else {
            STANDARD.decode(text)
        };
        decoded.map(Image).map_err(|_| refused("other text"))
    }
}

const DATA_URL_SCHEME: &str = "data:";

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
