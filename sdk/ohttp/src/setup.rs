//! The start of a sealed request, the same for both formats (RFC 9458 §4.3): header, encapsulated key and HPKE context.

use std::fmt;

use crate::error::OhttpError;
use crate::header::{self, HEADER_LEN};
use crate::hpke::{AeadCipher, HpkeContext};
use crate::key::PublicKey;
use crate::random::RandomSource;
use crate::response::ResponseSecret;
use crate::ring::KeyRing;
use crate::suite::Suite;

/// An opened request. `Debug` shows its length only.
pub struct OpenedRequest<R> {
    /// The plaintext: a binary HTTP request.
    pub request: Vec<u8>,
    /// The id of the key that it was sealed to.
    pub key_id: u8,
    /// Unique for each sealed request, even for equal plaintexts. If a server sees one twice, the second is a replay.
    pub encapsulated_key: Vec<u8>,
    /// The sealer of the response.
    pub response: R,
}

impl<R> fmt::Debug for OpenedRequest<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = format_args!("{} bytes", self.request.len());
        f.debug_struct("OpenedRequest").field("request", &request).field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// The labels of a format, which separate its keys from those of the other format.
pub(crate) struct FormatLabels {
    pub(crate) request: &'static [u8],
    pub(crate) response: &'static [u8],
}

impl FormatLabels {
    /// RFC 9458 §4.3 and §4.4.
    pub(crate) const WHOLE: Self = Self { request: b"message/bhttp request", response: b"message/bhttp response" };
    /// Chunked draft §6.1 and §6.2.
    pub(crate) const CHUNKED: Self =
        Self { request: b"message/bhttp chunked request", response: b"message/bhttp chunked response" };
}

/// Bytes of a header with the encapsulated key.
pub(crate) fn len(suite: Suite) -> usize {
    HEADER_LEN + suite.encapsulated_key_len()
}

/// Appends the header of a request to `out`, and returns the cipher of the request and the secret of its response.
pub(crate) fn seal(
    key: &PublicKey,
    labels: &FormatLabels,
    random: RandomSource<'_>,
    out: &mut Vec<u8>,
) -> Result<(AeadCipher, ResponseSecret), OhttpError> {
    let header = header::write(key.id(), key.suite());
    let (context, encapsulated_key) = HpkeContext::send(&key.public, &info(labels, header), random)?;
    let secret = context.export(labels.response, key.suite().aead_key_len());
    out.extend_from_slice(&header);
    out.extend_from_slice(&encapsulated_key);
    Ok((context.cipher, ResponseSecret { suite: key.suite(), encapsulated_key, secret }))
}

/// A complete header.
pub(crate) struct OpenedHeader {
    pub(crate) key_id: u8,
    pub(crate) cipher: AeadCipher,
    pub(crate) secret: ResponseSecret,
}

/// Opens the header at the start of `bytes` and returns its length; `None` if bytes are missing.
pub(crate) fn open(
    ring: &KeyRing,
    labels: &FormatLabels,
    bytes: &[u8],
) -> Result<Option<(OpenedHeader, usize)>, OhttpError> {
    let Some((header, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let (key_id, algorithms) = header::read(*header);
    let key = ring.find(key_id, algorithms)?;
    let suite = key.suite();
    let Some(encapsulated_key) = rest.get(..suite.encapsulated_key_len()) else { return Ok(None) };
    let context = HpkeContext::receive(&key.secret, encapsulated_key, &info(labels, *header))?;
    let secret = context.export(labels.response, suite.aead_key_len());
    let secret = ResponseSecret { suite, encapsulated_key: encapsulated_key.to_vec(), secret };
    Ok(Some((OpenedHeader { key_id, cipher: context.cipher, secret }, len(suite))))
}

/// The label, a zero and the header (RFC 9458 §4.3).
fn info(labels: &FormatLabels, header: [u8; HEADER_LEN]) -> Vec<u8> {
    [labels.request, &[0], &header].concat()
}
