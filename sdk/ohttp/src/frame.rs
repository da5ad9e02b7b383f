//! The framing of chunks (chunked draft §3 and §4), the same for requests and responses.

use std::borrow::Cow;
use std::mem;

use crate::error::OhttpError;
use crate::hpke::AeadCipher;
use crate::suite::TAG_LEN;
use crate::varint;

/// The most plaintext bytes in a chunk: 2¹⁴, which every receiver has to accept (chunked draft §3).
pub const MAX_CHUNK_LEN: usize = 1 << 14;

/// Writes chunks.
pub(crate) struct FrameSealer {
    cipher: AeadCipher,
}

impl FrameSealer {
    pub(crate) fn new(cipher: AeadCipher) -> Self {
        Self { cipher }
    }

    /// Appends `plaintext` to `out` in as few chunks as possible; no chunk if it is empty.
    pub(crate) fn push(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), OhttpError> {
        for piece in plaintext.chunks(MAX_CHUNK_LEN) {
            varint::write((piece.len() + TAG_LEN) as u64, out);
            self.cipher.seal(piece, b"", out)?;
        }
        Ok(())
    }

    /// Appends `plaintext` to `out`, its last piece as the final chunk, which may be empty.
    pub(crate) fn finish(mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), OhttpError> {
        out.reserve(sealed_len(plaintext.len()));
        let last = plaintext.len().saturating_sub(1) / MAX_CHUNK_LEN * MAX_CHUNK_LEN;
        self.push(&plaintext[..last], out)?;
        out.push(0);
        self.cipher.seal(&plaintext[last..], FINAL, out)
    }
}

/// Reads chunks as their bytes arrive.
pub(crate) struct FrameOpener {
    cipher: AeadCipher,
    state: FrameState,
    /// The bytes of an incomplete chunk.
    held: Vec<u8>,
}

#[derive(Clone, Copy)]
enum FrameState {
    Chunks,
    /// All further bytes are the final chunk.
    Final,
    Failed(OhttpError),
}

impl FrameOpener {
    pub(crate) fn new(cipher: AeadCipher) -> Self {
        Self { cipher, state: FrameState::Chunks, held: Vec::new() }
    }

    /// Takes the next bytes and returns the plaintext of the chunks that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, OhttpError> {
        let mut plaintext = Vec::new();
        let all = joined(&mut self.held, bytes);
        match self.run(&all, &mut plaintext) {
            Ok(taken) => {
                self.held = left(all, taken);
                Ok(plaintext)
            }
            Err(error) => {
                self.state = FrameState::Failed(error);
                Err(error)
            }
        }
    }

    /// Ends the input, and returns the plaintext of the final chunk.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, OhttpError> {
        match self.state {
            FrameState::Failed(error) => Err(error),
            FrameState::Final if self.held.len() >= TAG_LEN => {
                let mut plaintext = Vec::new();
                self.cipher.open(&self.held, FINAL, &mut plaintext)?;
                Ok(plaintext)
            }
            FrameState::Final | FrameState::Chunks => Err(OhttpError::Truncated),
        }
    }

    /// Opens the complete chunks and returns the number of bytes consumed.
    fn run(&mut self, bytes: &[u8], plaintext: &mut Vec<u8>) -> Result<usize, OhttpError> {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            match self.state {
                FrameState::Failed(error) => return Err(error),
                FrameState::Final if rest.len() > MAX_CHUNK_LEN + TAG_LEN => return Err(OhttpError::ChunkTooLarge),
                FrameState::Final => return Ok(taken),
                FrameState::Chunks => {}
            }
            let Some((len, start)) = varint::read(rest) else { return Ok(taken) };
            if start != varint::shortest(len) {
                return Err(OhttpError::OverlongLength);
            }
            if len == 0 {
                self.state = FrameState::Final;
                taken += start;
                continue;
            }
            let len = chunk_len(len)?;
            let Some(sealed) = rest.get(start..start + len) else { return Ok(taken) };
            if plaintext.is_empty() {
                // Enough for all bytes so far, the final chunk too.
                plaintext.reserve(rest.len());
            }
            self.cipher.open(sealed, b"", plaintext)?;
            taken += start + len;
        }
    }
}

/// The held bytes followed by `bytes`, without a copy if none are held. Leaves `held` empty.
pub(crate) fn joined<'a>(held: &mut Vec<u8>, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    if held.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut all = mem::take(held);
    all.extend_from_slice(bytes);
    Cow::Owned(all)
}

/// The bytes of `all` to hold.
fn left(all: Cow<'_, [u8]>, taken: usize) -> Vec<u8> {
    match all {
        Cow::Borrowed(all) => all[taken..].to_vec(),
        Cow::Owned(mut all) => {
            all.drain(..taken);
            all
        }
    }
}

/// An upper bound of the sealed length of `len` bytes.
fn sealed_len(len: usize) -> usize {
    len + (len / MAX_CHUNK_LEN + 1) * (TAG_LEN + 4)
}

/// Checks the length of a chunk before the final one.
fn chunk_len(len: u64) -> Result<usize, OhttpError> {
    match usize::try_from(len) {
        Ok(0..TAG_LEN) => Err(OhttpError::ChunkTooShort { len }),
        Ok(TAG_LEN) => Err(OhttpError::EmptyChunk),
        Ok(len) if len <= MAX_CHUNK_LEN + TAG_LEN => Ok(len),
        _ => Err(OhttpError::ChunkTooLarge),
    }
}

/// The associated data of the final chunk, which separates it from the others.
const FINAL: &[u8] = b"final";
