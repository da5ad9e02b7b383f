//! Content coding of responses (RFC 9110 §12.5.3): the layer around the one that seals.
//!
//! Sealed responses are not compressed. Ciphertext does not compress. If a response were compressed before it is sealed, its length would
//! reveal how much a secret and an attacker's text have in common (CRIME, BREACH). Errors, streams and short responses are sent
//! uncompressed too.
//!
//! Written by hand because tower-http 0.6's `CompressionLayer` compresses a body of any size inside `poll_frame`, on the runtime's thread.
//! Here more than [`MAX_INLINE_COMPRESS_BYTES`] bytes are compressed on a blocking thread. It also turns every compressed response into
//! a chunked one without `Content-Length`, and it ignores `*` in `Accept-Encoding`.

use std::io::Write;

use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Body as _;
use http_body_util::BodyExt;

use crate::error::Error;
use amaas_engine::cpu::spawn_if_larger_than;

/// The compression layer around `inner`.
pub(crate) async fn compress<F>(request: Request, inner: impl FnOnce(Request) -> F) -> Response<Body>
where
    F: Future<Output = Response<Body>>,
{
    let coding = ResponseCoding::negotiate(request.headers());
    let response = inner(request).await;
    match coding {
        Some(coding) if is_compressible(&response) => {
            coding.apply(response).await.unwrap_or_else(IntoResponse::into_response)
        }
        _ => response,
    }
}

/// The supported content codings of responses (RFC 9110 §8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResponseCoding {
    Gzip,
    Deflate,
}

impl ResponseCoding {
    /// The coding that the client prefers among the supported ones; `None` if it accepts none (RFC 9110 §12.5.3).
    fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let listed: Vec<_> = values.flat_map(|value| value.split(',')).map(parse_weighted).collect();
        let weight = |names: &[&str]| {
            let of = |name: &str| listed.iter().find(|(listed, _)| listed.eq_ignore_ascii_case(name));
            names.iter().find_map(|name| of(name)).or_else(|| of("*")).map_or(0.0, |(_, weight)| *weight)
        };
        let (gzip, deflate) = (weight(&["gzip", "x-gzip"]), weight(&["deflate"]));
        match () {
            () if gzip > 0.0 && gzip >= deflate => Some(Self::Gzip),
            () if deflate > 0.0 => Some(Self::Deflate),
            () => None,
        }
    }

    async fn apply(self, response: Response<Body>) -> Result<Response<Body>, Error> {
        let (mut parts, body) = response.into_parts();
        let body = body.collect().await.map_err(internal)?.to_bytes();
        let body =
            spawn_if_larger_than(MAX_INLINE_COMPRESS_BYTES, body.len(), move || self.encode(&body).map_err(internal))
                .await?;
        let name = if self == Self::Gzip { "gzip" } else { "deflate" };
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        parts.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    fn encode(self, body: &[u8]) -> std::io::Result<Bytes> {
        let (out, level) = (Vec::with_capacity(body.len() / 2), Compression::fast());
        let compressed = match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(out, level);
                encoder.write_all(body)?;
                encoder.finish()?
            }
            // RFC 9110 §8.4.1.2: `deflate` is the zlib format.
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(out, level);
                encoder.write_all(body)?;
                encoder.finish()?
            }
        };
        Ok(compressed.into())
    }
}

/// Parses a coding and its weight, such as `gzip;q=0.5`. A malformed weight is 0.
fn parse_weighted(entry: &str) -> (&str, f32) {
    let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
    let weight = match parameters.trim().split_once('=') {
        None => 1.0,
        Some((_, weight)) => weight.trim().parse::<f32>().ok().filter(|weight| weight.is_finite()).unwrap_or_default(),
    };
    (name.trim(), weight)
}

/// Whether to compress `response`: a complete success of JSON or tensors, long enough, neither sealed nor encoded.
fn is_compressible(response: &Response<Body>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    response.status().is_success()
        && matches!(kind, Some(b"application/json" | b"application/octet-stream"))
        && !response.headers().contains_key(header::CONTENT_ENCODING)
        && response.body().size_hint().exact().is_some_and(|size| size >= MIN_COMPRESSED_BYTES)
}

#[allow(clippy::needless_pass_by_value)] // reads well as `map_err(internal)`
fn internal(error: impl ToString) -> Error {
    Error::internal(error.to_string())
}

/// A shorter response fits in one packet anyway.
const MIN_COMPRESSED_BYTES: u64 = 1024;
/// The fastest level of DEFLATE compresses about 100 MB/s, so this takes less than 500 µs.
const MAX_INLINE_COMPRESS_BYTES: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_is_the_one_that_is_liked_best() {
        for (accepted, expected) in [
            ("gzip", Some(ResponseCoding::Gzip)),
            ("deflate", Some(ResponseCoding::Deflate)),
            ("gzip, deflate, br, zstd", Some(ResponseCoding::Gzip)),
            ("deflate, gzip;q=0.5", Some(ResponseCoding::Deflate)),
            ("GZIP ; q=0.5", Some(ResponseCoding::Gzip)),
            ("*", Some(ResponseCoding::Gzip)),
            ("gzip;q=0, *;q=0.1", Some(ResponseCoding::Deflate)),
            ("gzip;q=0", None),
            ("*;q=0", None),
            ("gzip;q=NaN", None),
            ("br", None),
            ("identity", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(ResponseCoding::negotiate(&headers), expected, "{accepted:?}");
        }
        assert_eq!(ResponseCoding::negotiate(&HeaderMap::new()), None);
    }

    #[test]
    fn only_what_gains_by_it_is_compressed() {
        for (kind, status, bytes, expected) in [
            ("application/json", 200, 2000, true),
            ("application/octet-stream", 200, 2000, true),
            ("application/json", 200, 1000, false),
            ("application/json", 400, 2000, false),
            ("text/event-stream", 200, 2000, false),
            ("message/ohttp-chunked-res", 200, 2000, false),
            ("message/ohttp-res", 200, 2000, false),
        ] {
            let response = Response::builder().status(status).header("content-type", kind);
            let response = response.body(Body::from(vec![0; bytes])).expect("a response");
            assert_eq!(is_compressible(&response), expected, "{kind} {status} {bytes}");
        }
    }
}
