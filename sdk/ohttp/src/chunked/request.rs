//! A request in chunks.

use rand_core::CryptoRng;

use super::response::{PendingResponse, ResponseOpener};
use crate::error::OhttpError;
use crate::frame::{FrameOpener, FrameSealer, joined};
use crate::key::PublicKey;
use crate::random::RandomSource;
use crate::response::ResponseSecret;
use crate::ring::KeyRing;
use crate::setup::OpenedRequest;
use crate::setup::{self, FormatLabels};

/// Seals a request of one piece to `key`, and returns the opener of its response.
///
/// # Errors
/// [`OhttpError::Random`], [`OhttpError::Encapsulation`] or [`OhttpError::KeyExhausted`].
pub fn seal_request(key: &PublicKey, request: &[u8]) -> Result<(Vec<u8>, ResponseOpener), OhttpError> {
    let mut out = Vec::new();
    let opener = RequestSealer::new(key, &mut out)?.finish(request, &mut out)?;
    Ok((out, opener))
}

/// [`seal_request`] with a given random number generator.
///
/// # Errors
/// As of [`seal_request`].
pub fn seal_request_with(
    key: &PublicKey,
    request: &[u8],
    random: &mut impl CryptoRng,
) -> Result<(Vec<u8>, ResponseOpener), OhttpError> {
    let mut out = Vec::new();
    let opener = RequestSealer::new_with(key, random, &mut out)?.finish(request, &mut out)?;
    Ok((out, opener))
}

/// Opens a complete request.
///
/// # Errors
/// An [`OhttpError`] that names the fault.
pub fn open_request(ring: &KeyRing, sealed: &[u8]) -> Result<OpenedRequest<PendingResponse>, OhttpError> {
    let mut machine = RequestOpener::new(ring);
    let mut request = machine.push(sealed)?;
    let mut opened = machine.finish()?;
    request.append(&mut opened.request);
    Ok(OpenedRequest { request, ..opened })
}

/// Seals a request piece by piece.
pub struct RequestSealer {
    frames: FrameSealer,
    secret: ResponseSecret,
}

impl RequestSealer {
    /// Starts a request to `key`: appends its header to `out`.
    ///
    /// # Errors
    /// [`OhttpError::Random`] or [`OhttpError::Encapsulation`].
    pub fn new(key: &PublicKey, out: &mut Vec<u8>) -> Result<Self, OhttpError> {
        Self::drawn(key, RandomSource::System, out)
    }

    /// [`new`](Self::new) with a given random number generator.
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub fn new_with(key: &PublicKey, random: &mut impl CryptoRng, out: &mut Vec<u8>) -> Result<Self, OhttpError> {
        Self::drawn(key, RandomSource::Given(random), out)
    }

    fn drawn(key: &PublicKey, random: RandomSource<'_>, out: &mut Vec<u8>) -> Result<Self, OhttpError> {
        let (cipher, secret) = setup::seal(key, &FormatLabels::CHUNKED, random, out)?;
        Ok(Self { frames: FrameSealer::new(cipher), secret })
    }

    /// Appends a sealed piece to `out`, which can be sent at once. An empty piece appends nothing.
    ///
    /// # Errors
    /// [`OhttpError::KeyExhausted`].
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), OhttpError> {
        self.frames.push(piece, out)
    }

    /// Appends the last piece, which may be empty, and the end to `out`. Returns the opener of the response.
    ///
    /// # Errors
    /// [`OhttpError::KeyExhausted`].
    pub fn finish(self, last: &[u8], out: &mut Vec<u8>) -> Result<ResponseOpener, OhttpError> {
        self.frames.finish(last, out)?;
        Ok(ResponseOpener::new(self.secret))
    }
}

/// Opens a request as its bytes arrive. Plaintext before [`finish`](Self::finish) is authentic, but the request may still be
/// truncated.
pub struct RequestOpener {
    ring: KeyRing,
    state: RequestState,
}

enum RequestState {
    /// The bytes of an incomplete header.
    Header(Vec<u8>),
    Body {
        frames: Box<FrameOpener>,
        key_id: u8,
        secret: ResponseSecret,
    },
    Failed(OhttpError),
}

impl RequestOpener {
    /// An opener of one request to a key of `ring`.
    pub fn new(ring: &KeyRing) -> Self {
        Self { ring: ring.clone(), state: RequestState::Header(Vec::new()) }
    }

    /// Takes the next bytes and returns what they complete.
    ///
    /// # Errors
    /// An [`OhttpError`] that names the fault. Later calls return the same error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, OhttpError> {
        match &mut self.state {
            RequestState::Failed(error) => Err(*error),
            RequestState::Body { frames, .. } => frames.push(bytes),
            RequestState::Header(held) => {
                let all = joined(held, bytes);
                let (header, len) = match setup::open(&self.ring, &FormatLabels::CHUNKED, &all) {
                    Ok(Some(opened)) => opened,
                    Ok(None) => {
                        *held = all.into_owned();
                        return Ok(Vec::new());
                    }
                    Err(error) => {
                        self.state = RequestState::Failed(error);
                        return Err(error);
                    }
                };
                let mut frames = Box::new(FrameOpener::new(header.cipher));
                let plaintext = frames.push(&all[len..]);
                self.state = RequestState::Body { frames, key_id: header.key_id, secret: header.secret };
                plaintext
            }
        }
    }

    /// The encapsulated key, once the header is complete; see [`OpenedRequest::encapsulated_key`].
    pub fn encapsulated_key(&self) -> Option<&[u8]> {
        match &self.state {
            RequestState::Body { secret, .. } => Some(&secret.encapsulated_key),
            RequestState::Header(_) | RequestState::Failed(_) => None,
        }
    }

    /// Ends the input. [`OpenedRequest::request`] is the last piece, which may be empty.
    ///
    /// # Errors
    /// [`OhttpError::Truncated`], [`OhttpError::Authentication`], or the error of an earlier call.
    pub fn finish(self) -> Result<OpenedRequest<PendingResponse>, OhttpError> {
        match self.state {
            RequestState::Failed(error) => Err(error),
            RequestState::Header(_) => Err(OhttpError::Truncated),
            RequestState::Body { frames, key_id, secret } => Ok(OpenedRequest {
                request: frames.finish()?,
                key_id,
                encapsulated_key: secret.encapsulated_key.clone(),
                response: PendingResponse::new(secret),
            }),
        }
    }
}

crate::debug::redacted!(RequestSealer, RequestOpener);
