//! Messages that are sealed as a whole: `message/ohttp-req` and `message/ohttp-res` (RFC 9458 §4).
//!
//! Neither format has a length. Bytes after the end of a message count as a part of it, and are refused with
//! [`OhttpError::Authentication`].

use rand_core::CryptoRng;

use crate::error::OhttpError;
use crate::key::PublicKey;
use crate::random::RandomSource;
use crate::response::ResponseSecret;
use crate::ring::KeyRing;
use crate::setup::OpenedRequest;
use crate::setup::{self, FormatLabels};
use crate::suite::TAG_LEN;

/// The media type of a sealed request.
pub const REQUEST_MEDIA_TYPE: &str = "message/ohttp-req";
/// The media type of a sealed response.
pub const RESPONSE_MEDIA_TYPE: &str = "message/ohttp-res";

/// Seals a request to `key`, and returns the opener of its response.
///
/// # Errors
/// [`OhttpError::Random`], [`OhttpError::Encapsulation`] or [`OhttpError::KeyExhausted`].
pub fn seal_request(key: &PublicKey, request: &[u8]) -> Result<(Vec<u8>, ResponseOpener), OhttpError> {
    seal(key, request, RandomSource::System)
}

/// [`seal_request`] with a given random number generator, for test vectors.
///
/// # Errors
/// As of [`seal_request`].
pub fn seal_request_with(
    key: &PublicKey,
    request: &[u8],
    random: &mut impl CryptoRng,
) -> Result<(Vec<u8>, ResponseOpener), OhttpError> {
    seal(key, request, RandomSource::Given(random))
}

/// Opens a request that was sealed to a key of `ring`.
///
/// # Errors
/// An [`OhttpError`] that names the fault.
pub fn open_request(ring: &KeyRing, sealed: &[u8]) -> Result<OpenedRequest<ResponseSealer>, OhttpError> {
    let (mut header, len) = setup::open(ring, &FormatLabels::WHOLE, sealed)?.ok_or(OhttpError::Truncated)?;
    let mut request = Vec::new();
    header.cipher.open(&sealed[len..], b"", &mut request)?;
    Ok(OpenedRequest {
        request,
        key_id: header.key_id,
        encapsulated_key: header.secret.encapsulated_key.clone(),
        response: ResponseSealer { secret: header.secret },
    })
}

/// Seals the response to one request.
pub struct ResponseSealer {
    pub(crate) secret: ResponseSecret,
}

impl ResponseSealer {
    /// Seals the response.
    ///
    /// # Errors
    /// [`OhttpError::Random`] or [`OhttpError::KeyExhausted`].
    pub fn seal(self, response: &[u8]) -> Result<Vec<u8>, OhttpError> {
        self.seal_drawn(response, RandomSource::System)
    }

    /// [`seal`](Self::seal) with a given random number generator.
    ///
    /// # Errors
    /// As of [`seal`](Self::seal).
    pub fn seal_with(self, response: &[u8], random: &mut impl CryptoRng) -> Result<Vec<u8>, OhttpError> {
        self.seal_drawn(response, RandomSource::Given(random))
    }

    fn seal_drawn(self, response: &[u8], mut random: RandomSource<'_>) -> Result<Vec<u8>, OhttpError> {
        let mut out = Vec::with_capacity(self.secret.nonce_len() + response.len() + TAG_LEN);
        let mut key = self.secret.draw(|nonce| random.fill(nonce), &mut out)?;
        key.seal(response, b"", &mut out)?;
        Ok(out)
    }
}

/// Opens the response to one request.
pub struct ResponseOpener {
    pub(crate) secret: ResponseSecret,
}

impl ResponseOpener {
    /// Opens the response.
    ///
    /// # Errors
    /// [`OhttpError::Truncated`] or [`OhttpError::Authentication`].
    pub fn open(self, sealed: &[u8]) -> Result<Vec<u8>, OhttpError> {
        let (nonce, sealed) = sealed.split_at_checked(self.secret.nonce_len()).ok_or(OhttpError::Truncated)?;
        let mut response = Vec::new();
        self.secret.key(nonce).open(sealed, b"", &mut response)?;
        Ok(response)
    }
}

crate::debug::redacted!(ResponseSealer, ResponseOpener);

fn seal(key: &PublicKey, request: &[u8], random: RandomSource<'_>) -> Result<(Vec<u8>, ResponseOpener), OhttpError> {
    let mut out = Vec::with_capacity(setup::len(key.suite()) + request.len() + TAG_LEN);
    let (mut cipher, secret) = setup::seal(key, &FormatLabels::WHOLE, random, &mut out)?;
    cipher.seal(request, b"", &mut out)?;
    Ok((out, ResponseOpener { secret }))
}
