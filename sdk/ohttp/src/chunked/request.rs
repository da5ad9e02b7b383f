//! A request in chunks.

use rand_core::CryptoRng;

use super::response::{PendingResponse, ResponseOpener};
use crate::error::OhttpError;
use crate::frame::{FrameOpener, FrameSealer, joined};
use crate::key::PublicKey;
use crate::random::Random;
use crate::response::ResponseSecret;
use crate::ring::KeyRing;
use crate::setup::Opened;
use crate::setup::{self, Labels};

/// Seals a request of one piece to `key` and gives what opens the response to it.
///
/// # Errors
/// [`OhttpError::Random`], [`OhttpError::Encapsulation`] or [`OhttpError::KeyExhausted`].
pub fn seal_request(key: &PublicKey, request: &[u8]) -> Result<(Vec<u8>, ResponseOpener), OhttpError> {
    let mut out = Vec::new();
    let opener = RequestSealer::new(key, &mut out)?.finish(request, &mut out)?;
    Ok((out, opener))
}

/// [`seal_request`] with a generator of the caller's.
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

/// Opens a request that has arrived whole.
///
/// # Errors
/// An [`OhttpError`] that names what is wrong.
pub fn open_request(ring: &KeyRing, sealed: &[u8]) -> Result<Opened<PendingResponse>, OhttpError> {
    let mut machine = RequestOpener::new(ring);
    let mut request = machine.push(sealed)?;
    let mut opened = machine.finish()?;
    request.append(&mut opened.request);
    Ok(Opened { request, ..opened })
}

/// Seals a request piece by piece.
pub struct RequestSealer {
    frames: FrameSealer,
    secret: ResponseSecret,
}

impl RequestSealer {
    /// Begins a request to `key`: appends its header to `out`.
    ///
    /// # Errors
    /// [`OhttpError::Random`] or [`OhttpError::Encapsulation`].
    pub fn new(key: &PublicKey, out: &mut Vec<u8>) -> Result<Self, OhttpError> {
        Self::drawn(key, Random::System, out)
    }

    /// [`new`](Self::new) with a generator of the caller's.
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub fn new_with(key: &PublicKey, random: &mut impl CryptoRng, out: &mut Vec<u8>) -> Result<Self, OhttpError> {
        Self::drawn(key, Random::Given(random), out)
    }

    fn drawn(key: &PublicKey, random: Random<'_>, out: &mut Vec<u8>) -> Result<Self, OhttpError> {
        let (cipher, secret) = setup::seal(key, &Labels::CHUNKED, random, out)?;
        Ok(Self { frames: FrameSealer::new(cipher), secret })
    }

    /// Appends a piece to `out`, complete, so that it can be sent at once. An empty piece appends nothing.
    ///
    /// # Errors
    /// [`OhttpError::KeyExhausted`].
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), OhttpError> {
        self.frames.push(piece, out)
    }

    /// Appends the last piece, which may be empty, and the end to `out`; gives what opens the response.
    ///
    /// # Errors
    /// [`OhttpError::KeyExhausted`].
    pub fn finish(self, last: &[u8], out: &mut Vec<u8>) -> Result<ResponseOpener, OhttpError> {
        self.frames.finish(last, out)?;
        Ok(ResponseOpener::new(self.secret))
    }
}

/// Opens a request as its bytes arrive. What it gives before [`finish`](Self::finish) is authentic, and may yet turn out
/// to be cut short.
pub struct RequestOpener {
    ring: KeyRing,
    state: State,
}

enum State {
    /// The bytes of a header that has not arrived whole.
    Header(Vec<u8>),
    Body {
        frames: Box<FrameOpener>,
        key_id: u8,
        secret: ResponseSecret,
    },
    Failed(OhttpError),
}

impl RequestOpener {
    /// An opener of one request that is sealed to a key of `ring`.
    pub fn new(ring: &KeyRing) -> Self {
        Self { ring: ring.clone(), state: State::Header(Vec::new()) }
    }

    /// Takes the next bytes and gives what they complete.
    ///
    /// # Errors
    /// An [`OhttpError`] that names what is wrong, and the same one on every later call.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, OhttpError> {
        match &mut self.state {
            State::Failed(error) => Err(*error),
            State::Body { frames, .. } => frames.push(bytes),
            State::Header(held) => {
                let all = joined(held, bytes);
                let (header, len) = match setup::open(&self.ring, &Labels::CHUNKED, &all) {
                    Ok(Some(opened)) => opened,
                    Ok(None) => {
                        *held = all.into_owned();
                        return Ok(Vec::new());
                    }
                    Err(error) => {
                        self.state = State::Failed(error);
                        return Err(error);
                    }
                };
                let mut frames = Box::new(FrameOpener::new(header.cipher));
                let plaintext = frames.push(&all[len..]);
                self.state = State::Body { frames, key_id: header.key_id, secret: header.secret };
                plaintext
            }
        }
    }

    /// The encapsulated key, once the header has arrived: see [`Opened::encapsulated_key`].
    pub fn encapsulated_key(&self) -> Option<&[u8]> {
        match &self.state {
            State::Body { secret, .. } => Some(&secret.encapsulated_key),
            State::Header(_) | State::Failed(_) => None,
        }
    }

    /// Says that no more bytes come. [`Opened::request`] is the last piece, which may be empty.
    ///
    /// # Errors
    /// [`OhttpError::Truncated`], [`OhttpError::Authentication`], or the error of an earlier call.
    pub fn finish(self) -> Result<Opened<PendingResponse>, OhttpError> {
        match self.state {
            State::Failed(error) => Err(error),
            State::Header(_) => Err(OhttpError::Truncated),
            State::Body { frames, key_id, secret } => Ok(Opened {
                request: frames.finish()?,
                key_id,
                encapsulated_key: secret.encapsulated_key.clone(),
                response: PendingResponse::new(secret),
            }),
        }
    }
}

crate::debug::redacted!(RequestSealer, RequestOpener);
