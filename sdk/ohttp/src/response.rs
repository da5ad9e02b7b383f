//! The key of a response (RFC 9458 §4.4): made of a secret of the request's context and a nonce that the function draws.

use zeroize::Zeroizing;

use crate::hpke::{self, Cipher};
use crate::suite::Suite;

/// What the caller and the function both know of a request, and nobody else.
pub(crate) struct ResponseSecret {
    pub(crate) suite: Suite,
    pub(crate) encapsulated_key: Vec<u8>,
    pub(crate) secret: Zeroizing<Vec<u8>>,
}

impl ResponseSecret {
    /// Bytes of the nonce before a response.
    pub(crate) fn nonce_len(&self) -> usize {
        self.suite.aead_key_len()
    }

    /// Has `fill` draw a nonce, appends it to `out` and gives the key.
    pub(crate) fn draw<E>(
        &self,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
        out: &mut Vec<u8>,
    ) -> Result<Cipher, E> {
        let start = out.len();
        out.resize(start + self.nonce_len(), 0);
        fill(&mut out[start..])?;
        Ok(self.key(&out[start..]))
    }

    pub(crate) fn key(&self, response_nonce: &[u8]) -> Cipher {
        let salt = [&self.encapsulated_key, response_nonce].concat();
        let secret = hpke::extract(&salt, &self.secret);
        Cipher::derive(self.suite, |key, nonce| {
            hpke::expand(&secret, &[b"key"], key);
            hpke::expand(&secret, &[b"nonce"], nonce);
        })
    }
}
