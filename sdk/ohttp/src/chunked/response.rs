//! A response in chunks.

use std::convert::Infallible;

use rand_core::CryptoRng;

use crate::error::OhttpError;
use crate::frame::{FrameOpener, FrameSealer, joined};
use crate::random::RandomSource;
use crate::response::ResponseSecret;

/// The response to one request, before its first byte.
pub struct PendingResponse {
    secret: ResponseSecret,
}

impl PendingResponse {
    pub(super) fn new(secret: ResponseSecret) -> Self {
        Self { secret }
    }

    /// Seals a response of one piece.
    ///
    /// # Errors
    /// [`OhttpError::Random`] or [`OhttpError::KeyExhausted`].
    pub fn seal(self, response: &[u8]) -> Result<Vec<u8>, OhttpError> {
        let mut out = Vec::new();
        self.start(&mut out)?.finish(response, &mut out)?;
        Ok(out)
    }

    /// Starts a response: appends its nonce to `out`.
    ///
    /// # Errors
    /// [`OhttpError::Random`].
    pub fn start(self, out: &mut Vec<u8>) -> Result<ResponseSealer, OhttpError> {
        let cipher = self.secret.draw(|nonce| RandomSource::System.fill(nonce), out)?;
        Ok(ResponseSealer { frames: FrameSealer::new(cipher) })
    }

    /// [`start`](Self::start) with a given random number generator.
    pub fn start_with(self, random: &mut impl CryptoRng, out: &mut Vec<u8>) -> ResponseSealer {
        let fill = |nonce: &mut [u8]| {
            random.fill_bytes(nonce);
            Ok::<_, Infallible>(())
        };
        let Ok(cipher) = self.secret.draw(fill, out);
        ResponseSealer { frames: FrameSealer::new(cipher) }
    }
}

/// Seals a response piece by piece.
pub struct ResponseSealer {
    frames: FrameSealer,
}

impl ResponseSealer {
    /// Appends a sealed piece to `out`, which can be sent at once. An empty piece appends nothing.
    ///
    /// # Errors
    /// [`OhttpError::KeyExhausted`].
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), OhttpError> {
        self.frames.push(piece, out)
    }

    /// Appends the last piece, which may be empty, and the end to `out`.
    ///
    /// # Errors
    /// [`OhttpError::KeyExhausted`].
    pub fn finish(self, last: &[u8], out: &mut Vec<u8>) -> Result<(), OhttpError> {
        self.frames.finish(last, out)
    }
}

/// Opens a response as its bytes arrive. Plaintext before [`finish`](Self::finish) is authentic, but the response may still be
/// truncated.
pub struct ResponseOpener {
    secret: ResponseSecret,
    state: ResponseState,
}

enum ResponseState {
    /// The bytes of an incomplete nonce.
    Nonce(Vec<u8>),
    Body(Box<FrameOpener>),
}

impl ResponseOpener {
    pub(crate) fn new(secret: ResponseSecret) -> Self {
        Self { secret, state: ResponseState::Nonce(Vec::new()) }
    }

    /// Opens a complete response.
    ///
    /// # Errors
    /// An [`OhttpError`] that names the fault.
    pub fn open(mut self, sealed: &[u8]) -> Result<Vec<u8>, OhttpError> {
        let mut response = self.push(sealed)?;
        response.append(&mut self.finish()?);
        Ok(response)
    }

    /// Takes the next bytes and returns what they complete.
    ///
    /// # Errors
    /// An [`OhttpError`] that names the fault. Later calls return the same error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, OhttpError> {
        match &mut self.state {
            ResponseState::Body(frames) => frames.push(bytes),
            ResponseState::Nonce(held) => {
                let all = joined(held, bytes);
                let Some((nonce, rest)) = all.split_at_checked(self.secret.nonce_len()) else {
                    *held = all.into_owned();
                    return Ok(Vec::new());
                };
                let mut frames = Box::new(FrameOpener::new(self.secret.key(nonce)));
                let plaintext = frames.push(rest);
                self.state = ResponseState::Body(frames);
                plaintext
            }
        }
    }

    /// Ends the input, and returns the last piece, which may be empty.
    ///
    /// # Errors
    /// [`OhttpError::Truncated`], [`OhttpError::Authentication`], or the error of an earlier call.
    pub fn finish(self) -> Result<Vec<u8>, OhttpError> {
        match self.state {
            ResponseState::Nonce(_) => Err(OhttpError::Truncated),
            ResponseState::Body(frames) => frames.finish(),
        }
    }
}

crate::debug::redacted!(PendingResponse, ResponseSealer, ResponseOpener);
