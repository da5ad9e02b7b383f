//! Messages that are sealed as a whole: `message/ohttp-req` and `message/ohttp-res` (RFC 9458 §4).
//!
//! Neither format says how long the message is. Bytes after its end are taken for a part of it, and refused as such with
//! [`OhttpError::Authentication`].

use hpke::rand_core::CryptoRng;

use super::header::{self, Labels};
use super::hpke::{Open, Seal};
use super::random::SystemRandom;
use super::response::ResponseSecret;
use super::{KeyRing, OhttpError, Opened, PublicKey};

/// The media type of a sealed request.
pub const REQUEST_MEDIA_TYPE: &str = "message/ohttp-req";
/// The media type of a sealed response.
pub const RESPONSE_MEDIA_TYPE: &str = "message/ohttp-res";

/// Seals a request to `key` and gives what opens the response to it.
///
/// # Errors
/// [`OhttpError::Random`], [`OhttpError::Encapsulation`] or [`OhttpError::KeyExhausted`].
pub fn seal_request(key: &PublicKey, request: &[u8]) -> Result<(Vec<u8>, ResponseOpener), OhttpError> {
    SystemRandom::with(|random| seal_request_with(key, request, random))
}

/// [`seal_request`] with a generator of the caller's: for vectors, and where randomness is rationed.
///
/// # Errors
/// As of [`seal_request`].
pub fn seal_request_with(
    key: &PublicKey,
    request: &[u8],
    random: &mut impl CryptoRng,
) -> Result<(Vec<u8>, ResponseOpener), OhttpError> {
    let mut out = Vec::new();
    let (mut sender, secret) = header::seal(key, &LABELS, random, &mut out)?;
    out.extend_from_slice(&sender.seal(request, b"")?);
    Ok((out, ResponseOpener { secret }))
}

/// Opens a request that is sealed to a key of `ring`.
///
/// # Errors
/// An [`OhttpError`] that names what is wrong.
pub fn open_request(ring: &KeyRing, sealed: &[u8]) -> Result<Opened<ResponseSealer>, OhttpError> {
    let (mut header, len) = header::open(ring, &LABELS, sealed)?.ok_or(OhttpError::Truncated)?;
    let request = header.receiver.open(&sealed[len..], b"")?;
    Ok(Opened {
        request,
        key_id: header.key_id,
        encapsulated_key: header.secret.encapsulated_key.clone(),
        response: ResponseSealer { secret: header.secret },
    })
}

/// Seals the response to one request.
pub struct ResponseSealer {
    pub(super) secret: ResponseSecret,
}

impl ResponseSealer {
    /// Seals the response.
    ///
    /// # Errors
    /// [`OhttpError::Random`] or [`OhttpError::KeyExhausted`].
    pub fn seal(self, response: &[u8]) -> Result<Vec<u8>, OhttpError> {
        SystemRandom::with(|random| self.seal_with(response, random))
    }

    /// [`seal`](Self::seal) with a generator of the caller's.
    ///
    /// # Errors
    /// As of [`seal`](Self::seal).
    pub fn seal_with(self, response: &[u8], random: &mut impl CryptoRng) -> Result<Vec<u8>, OhttpError> {
        let mut out = Vec::new();
        let mut key = self.secret.draw(random, &mut out);
        out.extend_from_slice(&key.seal(response, b"")?);
        Ok(out)
    }
}

/// Opens the response to one request.
pub struct ResponseOpener {
    pub(super) secret: ResponseSecret,
}

impl ResponseOpener {
    /// Opens the response.
    ///
    /// # Errors
    /// [`OhttpError::Truncated`] or [`OhttpError::Authentication`].
    pub fn open(self, sealed: &[u8]) -> Result<Vec<u8>, OhttpError> {
        let (nonce, sealed) = sealed.split_at_checked(self.secret.nonce_len()).ok_or(OhttpError::Truncated)?;
        self.secret.key(nonce).open(sealed, b"")
    }
}

super::redacted!(ResponseSealer, ResponseOpener);

pub(super) const LABELS: Labels = Labels { request: b"message/bhttp request", response: b"message/bhttp response" };
