//! Chunks and the lengths before them (chunked draft §3 and §4), the same for requests and responses.

use std::borrow::Cow;
use std::mem;

use crate::error::OhttpError;
use crate::hpke::Cipher;
use crate::suite::TAG_LEN;
use crate::varint;

/// The most plaintext bytes in a chunk: 2¹⁴, which every receiver has to accept (chunked draft §3).
pub const MAX_CHUNK_LEN: usize = 1 << 14;

/// Writes chunks.
pub(crate) struct FrameSealer {
    cipher: Cipher,
}

impl FrameSealer {
    pub(crate) fn new(cipher: Cipher) -> Self {
        Self { cipher }
    }

    /// Appends all of `plaintext` to `out` at once, in as few chunks as the bound allows; of nothing it makes no chunk.
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
    cipher: Cipher,
    state: State,
    /// The beginning of a chunk whose end has not arrived.
    held: Vec<u8>,
}

#[derive(Clone, Copy)]
enum State {
    Chunks,
    /// All that comes is the final chunk.
    Final,
    Failed(OhttpError),
}

impl FrameOpener {
    pub(crate) fn new(cipher: Cipher) -> Self {
        Self { cipher, state: State::Chunks, held: Vec::new() }
    }

    /// Takes the next bytes and gives the plaintext of the chunks that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, OhttpError> {
        let mut plaintext = Vec::new();
        let all = joined(&mut self.held, bytes);
        match self.run(&all, &mut plaintext) {
            Ok(taken) => {
                self.held = left(all, taken);
                Ok(plaintext)
            }
            Err(error) => {
                self.state = State::Failed(error);
                Err(error)
            }
        }
    }

    /// Says that no more bytes come, and gives the plaintext of the final chunk.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, OhttpError> {
        match self.state {
            State::Failed(error) => Err(error),
            State::Final if self.held.len() >= TAG_LEN => {
                let mut plaintext = Vec::new();
                self.cipher.open(&self.held, FINAL, &mut plaintext)?;
                Ok(plaintext)
            }
            State::Final | State::Chunks => Err(OhttpError::Truncated),
        }
    }

    /// Opens the chunks that are whole and says how many bytes that took.
    fn run(&mut self, bytes: &[u8], plaintext: &mut Vec<u8>) -> Result<usize, OhttpError> {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            match self.state {
                State::Failed(error) => return Err(error),
                State::Final if rest.len() > MAX_CHUNK_LEN + TAG_LEN => return Err(OhttpError::ChunkTooLarge),
                State::Final => return Ok(taken),
                State::Chunks => {}
            }
            let Some((len, start)) = varint::read(rest) else { return Ok(taken) };
            if start != varint::shortest(len) {
                return Err(OhttpError::OverlongLength);
            }
            if len == 0 {
                self.state = State::Final;
                taken += start;
                continue;
            }
            let len = chunk_len(len)?;
            let Some(sealed) = rest.get(start..start + len) else { return Ok(taken) };
            if plaintext.is_empty() {
                // Enough for all that has arrived, the final chunk too.
                plaintext.reserve(rest.len());
            }
            self.cipher.open(sealed, b"", plaintext)?;
            taken += start + len;
        }
    }
}

/// What was held and what has come after it, without a copy where nothing was held; `held` is empty then.
pub(crate) fn joined<'a>(held: &mut Vec<u8>, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    if held.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut all = mem::take(held);
    all.extend_from_slice(bytes);
    Cow::Owned(all)
}

/// What is left of `all` to be held.
fn left(all: Cow<'_, [u8]>, taken: usize) -> Vec<u8> {
    match all {
        Cow::Borrowed(all) => all[taken..].to_vec(),
        Cow::Owned(mut all) => {
            all.drain(..taken);
            all
        }
    }
}

/// No less than so many bytes become when they are sealed.
fn sealed_len(len: usize) -> usize {
    len + (len / MAX_CHUNK_LEN + 1) * (TAG_LEN + 4)
}

/// The length of a chunk that is not the final one, where it may have that length.
fn chunk_len(len: u64) -> Result<usize, OhttpError> {
    match usize::try_from(len) {
        Ok(0..TAG_LEN) => Err(OhttpError::ChunkTooShort { len }),
        Ok(TAG_LEN) => Err(OhttpError::EmptyChunk),
        Ok(len) if len <= MAX_CHUNK_LEN + TAG_LEN => Ok(len),
        _ => Err(OhttpError::ChunkTooLarge),
    }
}

/// The associated data of the final chunk, so that no other can pass for it.
const FINAL: &[u8] = b"final";
