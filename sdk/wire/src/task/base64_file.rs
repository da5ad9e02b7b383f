//! Files as strings of JSON: base64 with padding (RFC 4648 §4), with or without line breaks, or a `data:` URL of that (RFC 2397).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serializer;
use serde::de::{Deserializer, Unexpected, Visitor};

/// Writes `file` in base64.
pub(crate) fn serialize<S: Serializer>(file: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&base64::display::Base64Display::new(file, &STANDARD))
}

/// Reads the bytes of a file. Errors name `expected`, such as "an image file in base64, with padding".
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
) -> Result<Vec<u8>, D::Error> {
    deserializer.deserialize_str(FileVisitor { expected })
}

struct FileVisitor {
    expected: &'static str,
}

impl Visitor<'_> for FileVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
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
        decoded.map_err(|_| refused("other text"))
    }
}

const DATA_URL_SCHEME: &str = "data:";
