//! Sounds as inputs.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::task::base64_file;

/// A sound as an input: the bytes of a sound file. In JSON it is a string, base64 with padding (RFC 4648 §4), with or without line
/// breaks, or a `data:` URL of that (RFC 2397). `Debug` shows the size only.
///
/// ```
/// use amaas_wire::pipeline::Audio;
///
/// let audio = Audio::from(b"fLaC".to_vec());
/// assert_eq!(serde_json::to_string(&audio)?, r#""ZkxhQw==""#);
/// assert_eq!(serde_json::from_str::<Audio>(r#""data:audio/flac;base64,ZkxhQw==""#)?, audio);
/// let error = serde_json::from_str::<Audio>(r#""ZkxhQw""#).expect_err("no padding");
/// assert!(error.to_string().contains("expected a sound file in base64, with padding"), "{error}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(description = "The bytes of a sound file, in base64 with padding, or a data: URL of that.", extend("contentEncoding" = "base64"))
)]
pub struct Audio(#[cfg_attr(feature = "schema", schemars(with = "String"))] Vec<u8>);

impl Audio {
    /// The bytes of the file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Audio {
    fn from(file: Vec<u8>) -> Self {
        Self(file)
    }
}

impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audio({} bytes)", self.0.len())
    }
}

impl Serialize for Audio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        base64_file::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Audio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        base64_file::deserialize(deserializer, "a sound file in base64, with padding").map(Self)
    }
}
