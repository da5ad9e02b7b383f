//! Content coding of requests: expands compressed bodies within the bound for bodies.
//!
//! Invariant: expanding stops one byte beyond the bound.
//!
//! Written by hand because tower-http 0.6's `RequestDecompressionLayer` lacks four guarantees. It expands inside `poll_frame`, on the
//! runtime's thread; here the work is done in the tenant's CPU lane ([`CpuPermit`]) and ends when the client hangs up. It answers an
//! unknown coding itself with an empty 415, but each route family has its own error document. It reads the first of several
//! `Content-Encoding` fields only, and compares it case-sensitively. Its errors do not say which coding was malformed.

use std::io::Read;

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};

use crate::error::BodyError;
use crate::error::Error;
use amaas_engine::cpu::CpuPermit;

/// The accepted content codings (RFC 9110 §8.4.1).
#[derive(Clone, Copy, Debug)]
pub(crate) enum RequestCoding {
    Gzip,
    Deflate,
}

impl RequestCoding {
    /// The coding in `headers`, if there is one. Several codings of one body are refused: no client needs them.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Error> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let got = value.to_str().unwrap_or("(not text)").trim();
        let is = |name: &str| got.eq_ignore_ascii_case(name);
        match () {
            () if values.next().is_some() => {
                Err(Error::Body(BodyError::ContentCoding { got: "more than one".to_owned() }))
            }
            // RFC 9110 §8.4.1.3: x-gzip is the same.
            () if is("gzip") || is("x-gzip") => Ok(Some(Self::Gzip)),
            () if is("deflate") => Ok(Some(Self::Deflate)),
            () if is("identity") || got.is_empty() => Ok(None),
            () => Err(Error::Body(BodyError::ContentCoding { got: got.chars().take(80).collect() })),
        }
    }

    /// Decodes `body`, to at most `limit` bytes.
    pub(crate) fn expand(self, working: &CpuPermit, body: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
        let max_read = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let (mut expanded, mut left) = (Vec::new(), body);
        let read = match self {
            Self::Gzip => read_in_chunks(working, MultiGzDecoder::new(&mut left).take(max_read), &mut expanded)?,
            // RFC 9110 §8.4.1.2: `deflate` is the zlib format.
            Self::Deflate => read_in_chunks(working, ZlibDecoder::new(&mut left).take(max_read), &mut expanded)?,
        };
        if expanded.len() > limit {
            return Err(Error::Body(BodyError::TooLarge { limit, got: None }));
        }
        let whole = read.is_ok() && left.is_empty();
        if whole { Ok(expanded) } else { Err(Error::Body(BodyError::Compressed { coding: self.name() })) }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }
}

/// Reads all of `coded`. The outer error says that the client disconnected, the inner one that `coded` is malformed.
fn read_in_chunks(
    working: &CpuPermit,
    mut coded: impl Read,
    expanded: &mut Vec<u8>,
) -> Result<std::io::Result<()>, Error> {
    loop {
        match coded.by_ref().take(EXPAND_CHUNK_BYTES).read_to_end(expanded) {
            Ok(0) => return Ok(Ok(())),
            Ok(_) => working.record_progress(0)?,
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// DEFLATE expands by a factor of about 1,000 at most, so bodies up to this size expand within 500 µs.
pub(crate) const MAX_INLINE_EXPAND_BYTES: usize = 64;
/// Bytes between two checks whether the client is still connected; they take a few milliseconds.
const EXPAND_CHUNK_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
    }

    fn read(coding: &'static str, body: impl Into<Bytes>, limit: usize) -> Result<Bytes, Error> {
        let (mut headers, body) = (HeaderMap::new(), body.into());
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        match RequestCoding::of(&headers)? {
            Some(coding) => coding.expand(&CpuPermit::for_inline_work(), &body, limit).map(Bytes::from),
            None => Ok(body),
        }
    }

    #[test]
    fn bodies_are_what_they_were() {
        let text = b"one and another ".repeat(100);
        for (coding, body) in [
            ("gzip", gzip(&text)),
            ("X-GZIP", gzip(&text)),
            // RFC 1952 §2.2: members may follow one another.
            ("gzip", [gzip(&text[..700]), gzip(&text[700..])].concat()),
            ("deflate", deflate(&text)),
            ("identity", text.clone()),
        ] {
            assert_eq!(read(coding, body, text.len()).expect(coding), text, "{coding}");
        }
    }

    #[test]
    fn the_bound_holds_while_expanding() {
        let zeros = vec![0; 64 << 20];
        for (coding, body) in [("gzip", gzip(&zeros)), ("deflate", deflate(&zeros))] {
            assert!(body.len() < 100_000, "{}", body.len());
            assert!(matches!(
                read(coding, body.clone(), 1000),
                Err(Error::Body(BodyError::TooLarge { limit: 1000, .. }))
            ));
            assert!(matches!(read(coding, body, zeros.len() - 1), Err(Error::Body(BodyError::TooLarge { .. }))));
        }
    }

    #[test]
    fn what_is_cut_or_altered_or_has_more_is_refused() {
        for (coding, whole) in [("gzip", gzip(b"a body")), ("deflate", deflate(b"a body"))] {
            for end in 0..whole.len() {
                let error = read(coding, whole[..end].to_vec(), 100).expect_err("cut");
                assert_eq!(error.slug(), "compressed-body", "{coding}, cut off at {end}");
            }
            let mut altered = whole.clone();
            *altered.last_mut().expect("not empty") ^= 1;
            assert!(read(coding, altered, 100).is_err(), "{coding}: the checksum is wrong");
            assert!(read(coding, [&whole[..], b"more"].concat(), 100).is_err(), "{coding}");
        }
        for coding in ["br", "gzip, gzip", "zstd"] {
            assert_eq!(read(coding, "x", 100).expect_err(coding).slug(), "content-coding");
        }
    }
}
