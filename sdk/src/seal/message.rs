//! The two stages: sealing a request, and opening its answer.
//!
//! Invariant: only URL and request id of the plain request are visible outside.

use amaas_ohttp::bhttp::{self, BhttpError, DecodeLimits, FieldSection, MessageEncoding, RequestHead};
use amaas_ohttp::chunked::{self, ResponseOpener};
use amaas_ohttp::{OhttpError, PublicKey};
use amaas_wire::predict::REQUEST_ID;
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::failure::AttemptFailure;
use crate::retry::FailureCause;
use crate::transport::{OutgoingRequest, ReceivedResponse, TransportError};

/// Seals `request` with the date `date`, and returns the opener of the answer.
pub(super) fn seal(
    key: &PublicKey,
    request: &OutgoingRequest,
    date: &str,
) -> Result<(OutgoingRequest, ResponseOpener), Error> {
    let message = Zeroizing::new(message(request, date).map_err(|error| cannot(&error))?);
    let (body, opener) = chunked::seal_request(key, &message).map_err(|error| match error {
        OhttpError::Encapsulation => Error::new(ErrorKind::Keys, "the service's key cannot be used").with_source(error),
        error => cannot(&error),
    })?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("message/ohttp-chunked-res, application/problem+json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(chunked::REQUEST_MEDIA_TYPE));
    if let Some(id) = request.headers.get(REQUEST_ID) {
        headers.insert(REQUEST_ID, id.clone());
    }
    // Field sections, padding by an eighth and the tags of chunks add to the content.
    let limit = request.limit.saturating_add(request.limit / 8).saturating_add(SEAL_OVERHEAD);
    Ok((
        OutgoingRequest { method: Method::POST, url: request.url.clone(), base: 0, headers, body: body.into(), limit },
        opener,
    ))
}

/// Opens the answer, whose content may have up to `limit` bytes.
pub(super) fn open(opener: ResponseOpener, sealed: &[u8], limit: usize) -> Result<ReceivedResponse, AttemptFailure> {
    let message = opener.open(sealed).map_err(|error| {
        let what = "the sealed answer was cut short or altered on the way";
        AttemptFailure { cause: FailureCause::Lost, error: Error::new(ErrorKind::Damaged, what).with_source(error) }
    })?;
    let limits = DecodeLimits { content: limit as u64, ..DecodeLimits::default() };
    let response = bhttp::Response::decode(&message, limits).map_err(|error| match error {
        BhttpError::ContentTooLarge { .. } => AttemptFailure::from(TransportError::TooLarge { status: 200, limit }),
        error => malformed(error),
    })?;
    let mut headers = HeaderMap::new();
    for (name, value) in response.head.headers.iter() {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(malformed)?;
        headers.append(name, HeaderValue::from_bytes(value).map_err(malformed)?);
    }
    Ok(ReceivedResponse { status: response.head.status(), headers, body: Bytes::from(response.content) })
}

/// The binary HTTP request, padded.
fn message(request: &OutgoingRequest, date: &str) -> Result<Vec<u8>, BhttpError> {
    let url = &request.url;
    let mut head =
        RequestHead::new(request.method.as_str(), url.scheme(), &authority(url), &path_and_query(url, request.base))?;
    for (name, value) in &request.headers {
        head.headers.push(name.as_str(), value.as_bytes())?;
    }
    head.headers.push("date", date)?;
    Ok(MessageEncoding::default().encode(&head, &request.body, &FieldSection::default()))
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Path and query as the function sees them.
fn path_and_query(url: &Url, base: usize) -> String {
    let path = url.path().get(base..).unwrap_or_default();
    url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

fn cannot(error: &(impl std::error::Error + Clone + Send + Sync + 'static)) -> Error {
    Error::invalid_input("the call cannot be sealed").with_source(error.clone())
}

/// The error for an authentic answer that is malformed, which is a fault of the function.
fn malformed(error: impl std::error::Error + Send + Sync + 'static) -> AttemptFailure {
    let what = "the answer inside the seal is not an HTTP response";
    AttemptFailure::permanent(Error::new(ErrorKind::Protocol, what).with_source(error))
}

const SEAL_OVERHEAD: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use amaas_ohttp::bhttp::{Request, Response, ResponseHead};
    use amaas_ohttp::{KeyRing, PrivateKey, Suite};

    use super::*;

    fn ring() -> KeyRing {
        KeyRing::new(vec![PrivateKey::derive(1, Suite::X25519, &[7; 32])]).expect("one key")
    }

    fn request() -> OutgoingRequest {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer CANARY"));
        headers.insert("idempotency-key", HeaderValue::from_static("CANARY"));
        headers.insert(REQUEST_ID, HeaderValue::from_static("id"));
        let url = "https://h:8443/base/v1/models/m/predict?version=3".parse().expect("a URL");
        OutgoingRequest {
            method: Method::GET,
            url,
            base: "/base".len(),
            headers,
            body: Bytes::from_static(b"CANARY"),
            limit: 1000,
        }
    }

    /// A sealed answer of `content`, and its opener.
    fn answered(content: &[u8]) -> (Vec<u8>, ResponseOpener) {
        let ring = ring();
        let key = ring.public_keys().next().expect("one key");
        let (sealed, opener) = seal(&key, &request(), "now").expect("sealed");
        let function = chunked::open_request(&ring, &sealed.body).expect("opened").response;
        let response = Response::new(ResponseHead::new(200).expect("a status"), content.to_vec());
        (function.seal(&response.encode(MessageEncoding::default())).expect("sealed"), opener)
    }

    #[test]
    fn everything_but_url_and_request_id_is_inside() {
        let ring = ring();
        let key = ring.public_keys().next().expect("one key");
        let (sealed, _) = seal(&key, &request(), "now").expect("sealed");
        let mut names: Vec<_> = sealed.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "content-type", "x-request-id"]);
        assert_eq!((&sealed.method, &sealed.url), (&Method::POST, &request().url));
        assert!(!sealed.body.windows(6).any(|window| window == b"CANARY"));

        let plain = chunked::open_request(&ring, &sealed.body).expect("opened").request;
        assert_eq!(plain.len() % 32, 0, "padded");
        let inner = Request::decode(&plain, DecodeLimits::default()).expect("a request");
        assert_eq!((inner.head.method(), inner.head.authority()), ("GET", "h:8443"));
        assert_eq!(inner.head.path(), "/v1/models/m/predict?version=3");
        for (name, value) in
            [("authorization", "Bearer CANARY"), ("idempotency-key", "CANARY"), ("x-request-id", "id"), ("date", "now")]
        {
            assert_eq!(inner.head.headers.value(name), Some(value.as_bytes()), "{name}");
        }
        assert_eq!(inner.content, b"CANARY");
    }

    #[test]
    fn no_altered_or_shortened_answer_is_data() {
        let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
            let (mut sealed, opener) = answered(b"yes");
            change(&mut sealed);
            open(opener, &sealed, 1000)
        };
        assert_eq!(damaged(&|_| {}).expect("as it was sent").body, "yes");
        let len = answered(b"yes").0.len();
        for at in 0..len {
            for failure in [damaged(&|sealed| sealed[at] ^= 1), damaged(&|sealed| sealed.truncate(at))] {
                let failure = failure.expect_err("damaged");
                assert_eq!((failure.error.kind(), failure.cause), (ErrorKind::Damaged, FailureCause::Lost), "{at}");
            }
        }
        assert_eq!(damaged(&|sealed| sealed.push(0)).expect_err("longer").error.kind(), ErrorKind::Damaged);
    }

    #[test]
    fn the_limit_is_on_what_is_inside() {
        let (sealed, opener) = answered(&[0; 11]);
        let failure = open(opener, &sealed, 10).expect_err("11 bytes");
        assert_eq!((failure.error.kind(), failure.cause), (ErrorKind::TooLarge, FailureCause::Permanent));
        let (sealed, opener) = answered(&[0; 11]);
        assert_eq!(open(opener, &sealed, 11).expect("11 bytes").body.len(), 11);
    }
}
