//! The key of a response (RFC 9458 §4.4): made of a secret of the request's context and a nonce that the function draws.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use hkdf::Hkdf;
use hpke::rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::hpke::{Open, Seal};
use super::suite::NONCE_LEN;
use super::{OhttpError, Suite};

/// What the caller and the function both know of a request, and nobody else.
pub(super) struct ResponseSecret {
    pub(super) suite: Suite,
    pub(super) encapsulated_key: Vec<u8>,
    pub(super) secret: Zeroizing<Vec<u8>>,
}

impl ResponseSecret {
    /// Bytes of the nonce before a response.
    pub(super) fn nonce_len(&self) -> usize {
        self.suite.aead_key_len()
    }

    /// Draws a nonce, appends it to `out` and gives the key.
    pub(super) fn draw(&self, random: &mut impl CryptoRng, out: &mut Vec<u8>) -> ResponseKey {
        let start = out.len();
        out.resize(start + self.nonce_len(), 0);
        random.fill_bytes(&mut out[start..]);
        self.key(&out[start..])
    }

    pub(super) fn key(&self, response_nonce: &[u8]) -> ResponseKey {
        let salt = [&self.encapsulated_key, response_nonce].concat();
        let expander = Hkdf::<Sha256>::new(Some(&salt), &self.secret);
        let mut key = Zeroizing::new([0; 32]);
        let key = &mut key[..self.suite.aead_key_len()];
        let mut nonce = [0; NONCE_LEN];
        for (label, output) in [(&b"key"[..], &mut *key), (b"nonce", &mut nonce)] {
            expander.expand(label, output).expect("HKDF-SHA256 gives up to 8160 bytes, and 32 are asked of it at most");
        }
        let cipher = match self.suite {
            Suite::XWing => Aes256Gcm::new_from_slice(key).map(|cipher| Cipher::Aes256(Box::new(cipher))),
            Suite::X25519 => Aes128Gcm::new_from_slice(key).map(|cipher| Cipher::Aes128(Box::new(cipher))),
        };
        ResponseKey { cipher: cipher.expect("the key has the length that its suite says"), nonce, counter: 0 }
    }
}

/// The AEAD of a response. The counter makes the nonce of each piece its own (chunked draft §6.2); that of the first
/// piece is the nonce itself, which is what a whole response uses.
pub(super) struct ResponseKey {
    cipher: Cipher,
    pub(super) nonce: [u8; NONCE_LEN],
    counter: u64,
}

enum Cipher {
    Aes128(Box<Aes128Gcm>),
    Aes256(Box<Aes256Gcm>),
}

impl ResponseKey {
    /// The nonce of the next piece.
    fn next_nonce(&mut self) -> Result<[u8; NONCE_LEN], OhttpError> {
        let mut nonce = self.nonce;
        for (byte, count) in nonce.iter_mut().rev().zip(self.counter.to_le_bytes()) {
            *byte ^= count;
        }
        self.counter = self.counter.checked_add(1).ok_or(OhttpError::KeyExhausted)?;
        Ok(nonce)
    }
}

impl Seal for ResponseKey {
    fn seal(&mut self, piece: &[u8], associated: &[u8]) -> Result<Vec<u8>, OhttpError> {
        let nonce = self.next_nonce()?.into();
        let payload = Payload { msg: piece, aad: associated };
        let sealed = match &self.cipher {
            Cipher::Aes128(cipher) => cipher.encrypt(&nonce, payload),
            Cipher::Aes256(cipher) => cipher.encrypt(&nonce, payload),
        };
        sealed.map_err(|_| OhttpError::KeyExhausted)
    }
}

impl Open for ResponseKey {
    fn open(&mut self, sealed: &[u8], associated: &[u8]) -> Result<Vec<u8>, OhttpError> {
        let nonce = self.next_nonce()?.into();
        let payload = Payload { msg: sealed, aad: associated };
        let opened = match &self.cipher {
            Cipher::Aes128(cipher) => cipher.decrypt(&nonce, payload),
            Cipher::Aes256(cipher) => cipher.decrypt(&nonce, payload),
        };
        opened.map_err(|_| OhttpError::Authentication)
    }
}
