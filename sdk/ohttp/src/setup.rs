//! The start of a sealed request, the same for both formats (RFC 9458 §4.3): header, encapsulated key and HPKE context.

use std::fmt;

use crate::error::OhttpError;
use crate::header::{self, HEADER_LEN};
use crate::hpke::{Cipher, Context};
use crate::key::PublicKey;
use crate::random::Random;
use crate::response::ResponseSecret;
use crate::ring::KeyRing;
use crate::suite::Suite;

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

/// The labels of a format, which separate its keys from those of the other format.
pub(crate) struct Labels {
    pub(crate) request: &'static [u8],
    pub(crate) response: &'static [u8],
}

impl Labels {
    /// RFC 9458 §4.3 and §4.4.
    pub(crate) const WHOLE: Self = Self { request: b"message/bhttp request", response: b"message/bhttp response" };
    /// Chunked draft §6.1 and §6.2.
    pub(crate) const CHUNKED: Self =
        Self { request: b"message/bhttp chunked request", response: b"message/bhttp chunked response" };
}

/// Bytes of a header with its encapsulated key.
pub(crate) fn len(suite: Suite) -> usize {
    HEADER_LEN + suite.encapsulated_key_len()
}

/// Appends the header of a request to `out` and gives what seals the rest of it, and the secret of its response.
pub(crate) fn seal(
    key: &PublicKey,
    labels: &Labels,
    random: Random<'_>,
    out: &mut Vec<u8>,
) -> Result<(Cipher, ResponseSecret), OhttpError> {
    let header = header::write(key.id(), key.suite());
    let (context, encapsulated_key) = Context::send(&key.public, &info(labels, header), random)?;
    let secret = context.export(labels.response, key.suite().aead_key_len());
    out.extend_from_slice(&header);
    out.extend_from_slice(&encapsulated_key);
    Ok((context.cipher, ResponseSecret { suite: key.suite(), encapsulated_key, secret }))
}

/// A header that has arrived whole.
pub(crate) struct OpenedHeader {
    pub(crate) key_id: u8,
    pub(crate) cipher: Cipher,
    pub(crate) secret: ResponseSecret,
}

/// Opens the header at the start of `bytes` and says how long it is, or gives nothing while bytes are missing.
pub(crate) fn open(ring: &KeyRing, labels: &Labels, bytes: &[u8]) -> Result<Option<(OpenedHeader, usize)>, OhttpError> {
    let Some((header, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let (key_id, algorithms) = header::read(*header);
    let key = ring.find(key_id, algorithms)?;
    let suite = key.suite();
    let Some(encapsulated_key) = rest.get(..suite.encapsulated_key_len()) else { return Ok(None) };
    let context = Context::receive(&key.secret, encapsulated_key, &info(labels, *header))?;
    let secret = context.export(labels.response, suite.aead_key_len());
    let secret = ResponseSecret { suite, encapsulated_key: encapsulated_key.to_vec(), secret };
    Ok(Some((OpenedHeader { key_id, cipher: context.cipher, secret }, len(suite))))
}

/// The label, a zero and the header (RFC 9458 §4.3).
fn info(labels: &Labels, header: [u8; HEADER_LEN]) -> Vec<u8> {
    [labels.request, &[0], &header].concat()
}
