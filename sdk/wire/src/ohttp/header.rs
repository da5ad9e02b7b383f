//! The header of a sealed request, which either format begins with (RFC 9458 §4.1).

use std::fmt;

use super::hpke::{Cipher, Context};
use super::random::Random;
use super::response::ResponseSecret;
use super::{KeyRing, OhttpError, PublicKey, Suite};

/// A request that was opened. `Debug` shows the length of it only.
pub struct Opened<R> {
    /// What was sealed: a binary HTTP request.
    pub request: Vec<u8>,
    /// The id of the key that it was sealed to.
    pub key_id: u8,
    /// Different for each sealed request, however often the same thing is asked: seen twice, it is a replay.
    pub encapsulated_key: Vec<u8>,
    /// What seals the response.
    pub response: R,
}

impl<R> fmt::Debug for Opened<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = format_args!("{} bytes", self.request.len());
        f.debug_struct("Opened").field("request", &request).field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// The labels of a format.
pub(super) struct Labels {
    pub(super) request: &'static [u8],
    pub(super) response: &'static [u8],
}

/// Bytes of a header with its encapsulated key.
pub(super) fn len(suite: Suite) -> usize {
    LEN + suite.encapsulated_key_len()
}

/// Bytes of id and suite.
pub(super) const LEN: usize = 7;

pub(super) fn write(key_id: u8, suite: Suite) -> [u8; LEN] {
    let mut header = [key_id; LEN];
    for (two, id) in header[1..].chunks_exact_mut(2).zip([suite.kem(), suite.kdf(), suite.aead()]) {
        two.copy_from_slice(&id.to_be_bytes());
    }
    header
}

/// The id of the key, and those of KEM, KDF and AEAD.
pub(super) fn read(header: [u8; LEN]) -> (u8, [u16; 3]) {
    let id = |at| u16::from_be_bytes([header[at], header[at + 1]]);
    (header[0], [id(1), id(3), id(5)])
}

/// Appends the header of a request to `out` and gives what seals the rest of it, and the secret of its response.
pub(super) fn seal(
    key: &PublicKey,
    labels: &Labels,
    random: Random<'_>,
    out: &mut Vec<u8>,
) -> Result<(Cipher, ResponseSecret), OhttpError> {
    let header = write(key.id(), key.suite());
    let (context, encapsulated_key) = Context::send(&key.public, &info(labels, header), random)?;
    let secret = context.export(labels.response, key.suite().aead_key_len());
    out.extend_from_slice(&header);
    out.extend_from_slice(&encapsulated_key);
    Ok((context.cipher, ResponseSecret { suite: key.suite(), encapsulated_key, secret }))
}

/// A header that has arrived whole.
pub(super) struct OpenedHeader {
    pub(super) key_id: u8,
    pub(super) cipher: Cipher,
    pub(super) secret: ResponseSecret,
}

/// Opens the header at the start of `bytes` and says how long it is, or gives nothing while bytes are missing.
pub(super) fn open(ring: &KeyRing, labels: &Labels, bytes: &[u8]) -> Result<Option<(OpenedHeader, usize)>, OhttpError> {
    let Some((header, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let (key_id, algorithms) = read(*header);
    let key = ring.find(key_id, algorithms)?;
    let suite = key.suite();
    let Some(encapsulated_key) = rest.get(..suite.encapsulated_key_len()) else { return Ok(None) };
    let context = Context::receive(&key.secret, encapsulated_key, &info(labels, *header))?;
    let secret = context.export(labels.response, suite.aead_key_len());
    let secret = ResponseSecret { suite, encapsulated_key: encapsulated_key.to_vec(), secret };
    Ok(Some((OpenedHeader { key_id, cipher: context.cipher, secret }, len(suite))))
}

/// The label, a zero and the header (RFC 9458 §4.3).
fn info(labels: &Labels, header: [u8; LEN]) -> Vec<u8> {
    [labels.request, &[0], &header].concat()
}
