//! HKDF-SHA256, plain and with the labels of HPKE (RFC 9180 §4).

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign_to_buffer};
use zeroize::Zeroizing;

/// HKDF with a suite id in every label: the id of a KEM, or of all of HPKE.
#[derive(Clone, Copy)]
pub(super) struct LabeledKdf<'a>(pub(super) &'a [u8]);

impl LabeledKdf<'_> {
    /// `LabeledExtract`.
    pub(super) fn extract(self, salt: &[u8], label: &[u8], secret: &[u8]) -> SecretBytes {
        extract(salt, &Zeroizing::new([VERSION, self.0, label, secret].concat()))
    }

    /// `LabeledExpand`.
    pub(super) fn expand(self, key: &SecretBytes, label: &[u8], info: &[u8], out: &mut [u8]) {
        let len = u16::try_from(out.len()).expect("no more than HKDF gives, which is 8160 bytes").to_be_bytes();
        expand(key, &[&len, VERSION, self.0, label, info], out);
    }
}

/// HKDF-Extract.
pub(crate) fn extract(salt: &[u8], secret: &[u8]) -> SecretBytes {
    let mut key = Zeroizing::new([0; 32]);
    sign_to_buffer(&Key::new(HMAC_SHA256, salt), secret, key.as_mut_slice()).expect("HMAC-SHA256 gives 32 bytes");
    key
}

/// HKDF-Expand.
pub(crate) fn expand(key: &SecretBytes, info: &[&[u8]], out: &mut [u8]) {
    Prk::new_less_safe(HKDF_SHA256, key.as_slice())
        .expand(info, OutputLength(out.len()))
        .and_then(|expanded| expanded.fill(out))
        .expect("HKDF-SHA256 gives up to 8160 bytes, and 32 are asked of it at most");
}

struct OutputLength(usize);

impl KeyType for OutputLength {
    fn len(&self) -> usize {
        self.0
    }
}

/// Nsecret of both KEMs, and the output of HKDF-Extract with SHA-256.
pub(super) type SecretBytes = Zeroizing<[u8; 32]>;

/// The prefix of every label of HPKE.
pub(super) const VERSION: &[u8] = b"HPKE-v1";
