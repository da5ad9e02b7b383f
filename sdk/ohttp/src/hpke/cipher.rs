//! The AEAD of one direction.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::OhttpError;
use crate::suite::Suite;
use crate::suite::{NONCE_LEN, TAG_LEN};

/// Seals or opens pieces in their order. The nonce of a piece is the base nonce XOR its sequence number (RFC 9180 §5.2, chunked
/// draft §6.2). The first nonce is the base nonce itself, as for a whole response.
pub(crate) struct AeadCipher {
    key: LessSafeKey,
    base_nonce: Zeroizing<[u8; NONCE_LEN]>,
    sequence: u64,
}

impl AeadCipher {
    /// A cipher with the key and base nonce that `derive` fills in.
    pub(crate) fn derive(suite: Suite, derive: impl FnOnce(&mut [u8], &mut [u8])) -> Self {
        let algorithm = match suite {
            Suite::XWing => &AES_256_GCM,
            Suite::X25519 => &AES_128_GCM,
        };
        let (mut key, mut base_nonce) = (Zeroizing::new([0; 32]), Zeroizing::new([0; NONCE_LEN]));
        let key = &mut key[..suite.aead_key_len()];
        derive(key, base_nonce.as_mut_slice());
        let key = UnboundKey::new(algorithm, key).expect("the key has the length that its suite says");
        Self { key: LessSafeKey::new(key), base_nonce, sequence: 0 }
    }

    /// Appends `piece`, sealed, to `out`.
    pub(crate) fn seal(&mut self, piece: &[u8], associated: &[u8], out: &mut Vec<u8>) -> Result<(), OhttpError> {
        let (nonce, next) = self.number()?;
        let start = out.len();
        out.resize(start + piece.len() + TAG_LEN, 0);
        let (sealed, tag) = out[start..].split_at_mut(piece.len());
        let done = self.key.seal_out_of_place_scatter(nonce, Aad::from(associated), piece, sealed, b"", tag);
        if done.is_err() {
            out.truncate(start);
            return Err(OhttpError::KeyExhausted);
        }
        self.sequence = next;
        Ok(())
    }

    /// Appends the plaintext of `sealed` to `out`, or nothing if it is not authentic.
    pub(crate) fn open(&mut self, sealed: &[u8], associated: &[u8], out: &mut Vec<u8>) -> Result<(), OhttpError> {
        let (nonce, next) = self.number()?;
        let (sealed, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(OhttpError::Authentication)?;
        let start = out.len();
        out.resize(start + sealed.len(), 0);
        let opened = &mut out[start..];
        if self.key.open_separate_gather(nonce, Aad::from(associated), sealed, tag, opened).is_err() {
            opened.fill(0);
            out.truncate(start);
            return Err(OhttpError::Authentication);
        }
        self.sequence = next;
        Ok(())
    }

    /// The nonce of the next piece, and the sequence number after it.
    fn number(&self) -> Result<(Nonce, u64), OhttpError> {
        let mut nonce = *self.base_nonce;
        for (byte, count) in nonce.iter_mut().rev().zip(self.sequence.to_le_bytes()) {
            *byte ^= count;
        }
        let next = self.sequence.checked_add(1).ok_or(OhttpError::KeyExhausted)?;
        Ok((Nonce::assume_unique_for_key(nonce), next))
    }

    #[cfg(test)]
    pub(crate) fn base_nonce(&self) -> &[u8] {
        self.base_nonce.as_slice()
    }
}
