//! The key of a response (RFC 9458 §4.4), derived from a secret of the request's context and a nonce of the server.

use zeroize::Zeroizing;

use crate::hpke::{self, AeadCipher};
use crate::suite::Suite;

/// The secret that client and server share for the response to a request.
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

    /// Draws a nonce with `fill`, appends it to `out` and derives the key.
    pub(crate) fn draw<E>(
        &self,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
        out: &mut Vec<u8>,
    ) -> Result<AeadCipher, E> {
        let start = out.len();
        out.resize(start + self.nonce_len(), 0);
        fill(&mut out[start..])?;
        Ok(self.key(&out[start..]))
    }

    pub(crate) fn key(&self, response_nonce: &[u8]) -> AeadCipher {
        let salt = [&self.encapsulated_key, response_nonce].concat();
        let secret = hpke::extract(&salt, &self.secret);
        AeadCipher::derive(self.suite, |key, nonce| {
            hpke::expand(&secret, &[b"key"], key);
            hpke::expand(&secret, &[b"nonce"], nonce);
        })
    }
}
