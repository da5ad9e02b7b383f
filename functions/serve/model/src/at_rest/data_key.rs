//! The data key of a version, and the keys derived from it with HKDF.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::BlobRole;
use amaas_wire::Digest;

/// The data key of a version.
pub struct DataKey(Prk);

impl DataKey {
    /// Generates a key, and returns its bytes to be wrapped; `None` if the operating system provides no randomness.
    pub fn generate() -> Option<(Self, Zeroizing<[u8; KEY_LEN]>)> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        getrandom::fill(bytes.as_mut_slice()).ok()?;
        Some((Self::extract(bytes.as_slice()), bytes))
    }

    /// The unwrapped key; `None` if it does not match `commitment`.
    pub fn open(bytes: &[u8], commitment: &Digest) -> Option<Self> {
        let key = Self::extract(bytes);
        verify_slices_are_equal(key.commitment().as_bytes(), commitment.as_bytes()).ok().map(|()| key)
    }

    fn extract(bytes: &[u8]) -> Self {
        Self(Salt::new(HKDF_SHA256, SALT).extract(bytes))
    }

    /// The key commitment for the manifest, which does not reveal the key.
    pub fn commitment(&self) -> Digest {
        Digest::from_bytes(*self.expand("commitment", ""))
    }

    /// A keyed digest (HMAC) of a blob, which only a holder of the data key can compute.
    pub fn fingerprint(&self, role: &BlobRole, plain: &[u8]) -> Digest {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.expand("fingerprint", &role.label()).as_slice());
        let mut digest = [0; KEY_LEN];
        digest.copy_from_slice(hmac::sign(&key, plain).as_ref());
        Digest::from_bytes(digest)
    }

    /// Seals the segment `index` of the blob `role` in place, bound to `identity`. A segment must be sealed only once, because the
    /// index is the nonce.
    pub fn seal(&self, role: &BlobRole, identity: Digest, index: u64, segment: &mut [u8]) -> Option<SegmentTag> {
        let (key, nonce, aad) = self.parts(role, identity, index)?;
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), segment).ok()?;
        tag.as_ref().try_into().ok().map(SegmentTag)
    }

    /// Opens a segment that [`seal`](Self::seal) sealed, in place. `None` if authentication fails; then `segment` is zeroed.
    pub fn open_segment(
        &self,
        role: &BlobRole,
        identity: Digest,
        index: u64,
        segment: &mut [u8],
        tag: SegmentTag,
    ) -> Option<()> {
        let (key, nonce, aad) = self.parts(role, identity, index)?;
        let opened = key.open_in_place_separate_tag(nonce, Aad::from(aad), &tag.0, segment).is_ok();
        if !opened {
            segment.fill(0);
        }
        opened.then_some(())
    }

    fn parts(&self, role: &BlobRole, identity: Digest, index: u64) -> Option<(LessSafeKey, Nonce, Vec<u8>)> {
        let key = UnboundKey::new(&AES_256_GCM, self.expand("blob", &role.label()).as_slice()).ok()?;
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&index.to_be_bytes());
        let aad = [identity.as_bytes().as_slice(), &index.to_be_bytes(), role.label().as_bytes()].concat();
        Some((LessSafeKey::new(key), Nonce::assume_unique_for_key(nonce), aad))
    }

    fn expand(&self, purpose: &str, of: &str) -> Zeroizing<[u8; KEY_LEN]> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        let info = [purpose.as_bytes(), b"\0", of.as_bytes()];
        self.0
            .expand(&info, HkdfLength)
            .and_then(|expanded| expanded.fill(key.as_mut_slice()))
            .expect("32 bytes are not more than HKDF-SHA256 gives");
        key
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").finish_non_exhaustive()
    }
}

struct HkdfLength;

impl KeyType for HkdfLength {
    fn len(&self) -> usize {
        KEY_LEN
    }
}

/// The AES-GCM tag of a sealed segment; its text form is 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SegmentTag([u8; 16]);

impl From<SegmentTag> for String {
    fn from(tag: SegmentTag) -> Self {
        amaas_wire::hex::encode(&tag.0)
    }
}

impl TryFrom<String> for SegmentTag {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // A digest of twice the length is read by the same rules.
        let whole = Digest::from_str(&format!("{text}{}", "0".repeat(32)));
        let bytes = whole.ok().filter(|_| text.len() == 32).and_then(|digest| digest.as_bytes()[..16].try_into().ok());
        bytes.map(Self).ok_or("a tag is 32 lower-case hexadecimal digits")
    }
}

const KEY_LEN: usize = 32;
const SALT: &[u8] = b"amaas model at rest 1";

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Digest = Digest::from_bytes([7; 32]);

    #[test]
    fn segments_open_where_they_were_sealed_only() {
        let (key, bytes) = DataKey::generate().expect("random");
        let key = DataKey::open(bytes.as_slice(), &key.commitment()).expect("the same key");
        let mut sealed = b"weights".to_vec();
        let tag = key.seal(&BlobRole::Network, IDENTITY, 1, &mut sealed).expect("sealed");
        let open = |role: &BlobRole, identity, index, sealed: &[u8], tag| {
            let mut segment = sealed.to_vec();
            let opened = key.open_segment(role, identity, index, &mut segment, tag);
            assert!(opened.is_some() || segment.iter().all(|byte| *byte == 0), "no byte comes out");
            opened.map(|()| segment)
        };
        assert_eq!(open(&BlobRole::Network, IDENTITY, 1, &sealed, tag).as_deref(), Some(b"weights".as_slice()));
        assert_eq!(open(&BlobRole::Golden, IDENTITY, 1, &sealed, tag), None);
        assert_eq!(open(&BlobRole::Asset("network".to_owned()), IDENTITY, 1, &sealed, tag), None);
        assert_eq!(open(&BlobRole::Network, Digest::from_bytes([8; 32]), 1, &sealed, tag), None);
        assert_eq!(open(&BlobRole::Network, IDENTITY, 2, &sealed, tag), None);
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert_eq!(open(&BlobRole::Network, IDENTITY, 1, &altered, tag), None);
            assert_eq!(open(&BlobRole::Network, IDENTITY, 1, &sealed[..index], tag), None);
        }
        for index in 0..16 {
            let mut altered = tag;
            altered.0[index] ^= 1;
            assert_eq!(open(&BlobRole::Network, IDENTITY, 1, &sealed, altered), None);
        }
    }

    #[test]
    fn another_key_is_not_taken() {
        let (key, _) = DataKey::generate().expect("random");
        let (_, other) = DataKey::generate().expect("random");
        assert!(DataKey::open(other.as_slice(), &key.commitment()).is_none());
        assert_ne!(key.fingerprint(&BlobRole::Network, b"x"), key.fingerprint(&BlobRole::Golden, b"x"));
        assert_ne!(key.fingerprint(&BlobRole::Network, b"x"), key.fingerprint(&BlobRole::Network, b"y"));
    }

    #[test]
    fn tags_are_hexadecimal() {
        let text = String::from(SegmentTag([0xa5; 16]));
        assert_eq!(SegmentTag::try_from(text), Ok(SegmentTag([0xa5; 16])));
        for text in ["", "a5", &"g".repeat(32), &"0".repeat(64)] {
            assert!(SegmentTag::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
