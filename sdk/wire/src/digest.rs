//! SHA-256 digests: the names of blobs, and the proof of their bytes.
//!
//! There are two text forms. The plain one is 64 lower-case hexadecimal digits; `Display`, `FromStr` and serde use it. The tagged
//! one puts the algorithm before them, `sha256:…`, as OCI does; [`Digest::tagged`] and [`tagged`] write and read it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::hex;

/// A SHA-256 digest.
///
/// ```
/// use amaas_wire::Digest;
///
/// let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
/// let digest = Digest::of(b"abc");
/// assert_eq!((digest.to_string().as_str(), digits.parse()), (digits, Ok(digest)));
/// let tagged = format!("sha256:{digits}");
/// assert_eq!((digest.tagged(), Digest::from_tagged(&tagged)), (tagged, Ok(digest)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_slice(digest(&SHA256, bytes).as_ref())
    }

    /// A digest that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// `sha256:` and the digits.
    pub fn tagged(&self) -> String {
        format!("{TAG}{self}")
    }

    /// Reads `sha256:` and the digits.
    ///
    /// # Errors
    /// [`MalformedDigest::Tagged`] for any other text.
    pub fn from_tagged(text: &str) -> Result<Self, MalformedDigest> {
        text.strip_prefix(TAG).and_then(hex::decode).map(Self).ok_or(MalformedDigest::Tagged)
    }

    fn from_slice(bytes: &[u8]) -> Self {
        let mut digest = [0; 32];
        digest.copy_from_slice(bytes);
        Self(digest)
    }
}

/// Computes a digest of bytes that arrive in pieces.
///
/// ```
/// use amaas_wire::{Digest, DigestHasher};
///
/// let mut hasher = DigestHasher::default();
/// hasher.update(b"a");
/// hasher.update(b"bc");
/// assert_eq!(hasher.finish(), Digest::of(b"abc"));
/// ```
#[derive(Clone)]
pub struct DigestHasher(Context);

impl DigestHasher {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes so far.
    pub fn finish(self) -> Digest {
        Digest::from_slice(self.0.finish().as_ref())
    }
}

impl Default for DigestHasher {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl fmt::Debug for DigestHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestHasher").finish_non_exhaustive()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl FromStr for Digest {
    type Err = MalformedDigest;

    fn from_str(text: &str) -> Result<Self, MalformedDigest> {
        hex::decode(text).map(Self).ok_or(MalformedDigest::Plain)
    }
}

impl TryFrom<String> for Digest {
    type Error = MalformedDigest;

    fn try_from(text: String) -> Result<Self, MalformedDigest> {
        text.parse()
    }
}

/// Text that is not a SHA-256 digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedDigest {
    /// The plain form was expected.
    #[error("a digest is 64 lower-case hexadecimal digits")]
    Plain,
    /// The tagged form was expected.
    #[error("a digest is {EXPECTED_TAGGED}")]
    Tagged,
}

/// The tagged form for serde: `#[serde(with = "amaas_wire::digest::tagged")]`.
pub mod tagged {
    use serde::de::{Error, Unexpected};
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Digest, EXPECTED_TAGGED};

    /// Writes [`Digest::tagged`].
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&digest.tagged())
    }

    /// Reads [`Digest::from_tagged`].
    ///
    /// # Errors
    /// An invalid value for any other text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        Digest::from_tagged(&text).map_err(|_| D::Error::invalid_value(Unexpected::Str(&text), &EXPECTED_TAGGED))
    }
}

const TAG: &str = "sha256:";
const EXPECTED_TAGGED: &str = "\"sha256:\" and 64 lower-case hexadecimal digits";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_no_digest_is_refused() {
        let digits = "0".repeat(64);
        let zero = Digest::from_bytes([0; 32]);
        assert_eq!((digits.parse(), Digest::from_tagged(&format!("sha256:{digits}"))), (Ok(zero), Ok(zero)));
        for text in [
            "",
            "abc",
            "sha256:",
            &format!("{digits}0"),
            &format!("{digits}00"),
            &digits[2..],
            &"A".repeat(64),
            &"g".repeat(64),
            &"é".repeat(32),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(MalformedDigest::Plain), "{text}");
            assert_eq!(Digest::from_tagged(&format!("sha256:{text}")), Err(MalformedDigest::Tagged), "{text}");
        }
        assert_eq!(format!("sha256:{digits}").parse::<Digest>(), Err(MalformedDigest::Plain));
        for tag in ["", "sha512:", "SHA256:"] {
            assert_eq!(Digest::from_tagged(&format!("{tag}{digits}")), Err(MalformedDigest::Tagged), "{tag}");
        }
    }

    #[test]
    fn serde_uses_the_plain_form_unless_the_tagged_one_is_named() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Both {
            plain: Digest,
            #[serde(with = "tagged")]
            tagged: Digest,
        }
        let both = Both { plain: Digest::of(b"a"), tagged: Digest::of(b"b") };
        let json = serde_json::to_value(&both).expect("JSON");
        assert_eq!(
            (json["plain"].as_str(), json["tagged"].as_str()),
            (Some(&*both.plain.to_string()), Some(&*both.tagged.tagged()))
        );
        assert_eq!(serde_json::from_value::<Both>(json).expect("both"), both);
    }
}
