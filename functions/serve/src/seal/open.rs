//! Opens sealed calls and has their answers sealed: the layer.
//!
//! What fails before a call is opened is answered in one shape that tells nothing but whether to fetch the keys again.
//! What fails after it is inside the sealed answer, which is always a 200 outside.

use amaas_wire::bhttp;
use amaas_wire::ohttp::{KEY_PROBLEM, KeyRing, OhttpError, chunked, whole};
use amaas_wire::problem;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::Policy;
use super::answer::Sealer;
use crate::error::Error;
use crate::reply::{Finished, rendered};
use crate::request::bounded;
use crate::router::Host;
use crate::task::off_runtime;

/// The layer.
pub(crate) async fn open(State(host): State<Host>, request: Request, next: Next) -> Response<Body> {
    let Some(form) = Form::of(request.headers()) else {
        let required = host.sealing().is_some_and(|sealing| sealing.policy() == Policy::Required);
        return match request.method() {
            &Method::POST if required => Error::SealingRequired.into_response(),
            _ => next.run(request).await,
        };
    };
    let Some(sealing) = host.sealing() else { return Error::NoSealing.into_response() };
    let (mut parts, body) = request.into_parts();
    let limits = bhttp::Limits { content: host.limits().body_bytes as u64, ..bhttp::Limits::default() };
    // Field sections, padding by an eighth and the seals of chunks come on top of the content.
    let limit = host.limits().body_bytes.saturating_mul(9) / 8 + (128 << 10);
    let sealed = match bounded(&parts.headers, body, limit).await {
        Ok(sealed) => sealed,
        Err(error) => return error.into_response(),
    };
    let ring = sealing.ring().clone();
    let (request, answer) = match off_runtime(sealed.len(), move || Ok(form.open(&ring, &sealed))).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return refuse(&error),
        Err(error) => return error.into_response(),
    };
    let response = match inner(&mut parts, &request, limits) {
        Ok(content) => next.run(Request::from_parts(parts.clone(), content)).await,
        Err(error) => error.into_response(),
    };
    let (response, finished) = rendered(response, parts.uri.path(), &parts.headers);
    match answer.seal(response).await {
        Ok(mut response) => {
            response.extensions_mut().insert(finished);
            response
        }
        Err(error) => error.into_response(),
    }
}

/// The forms of a sealed call.
#[derive(Clone, Copy)]
enum Form {
    Whole,
    Chunked,
}

impl Form {
    fn of(headers: &HeaderMap) -> Option<Self> {
        match headers.get(header::CONTENT_TYPE)?.to_str().ok()? {
            whole::REQUEST_MEDIA_TYPE => Some(Self::Whole),
            chunked::REQUEST_MEDIA_TYPE => Some(Self::Chunked),
            _ => None,
        }
    }

    fn open(self, ring: &KeyRing, sealed: &[u8]) -> Result<(Vec<u8>, Sealer), OhttpError> {
        match self {
            Self::Whole => {
                let opened = whole::open_request(ring, sealed)?;
                Ok((opened.request, Sealer::Whole(opened.response)))
            }
            Self::Chunked => {
                let opened = chunked::open_request(ring, sealed)?;
                Ok((opened.request, Sealer::Chunked(opened.response)))
            }
        }
    }
}

/// Puts the inner request in the place of the outer one, and gives its content.
fn inner(parts: &mut http::request::Parts, request: &[u8], limits: bhttp::Limits) -> Result<Body, Error> {
    let request = bhttp::Request::decode(request, limits).map_err(|error| match error {
        bhttp::BhttpError::ContentTooLarge { .. } => {
            Error::BodyTooLarge { limit: usize::try_from(limits.content).unwrap_or(usize::MAX), got: None }
        }
        error => Error::SealedMessage(error.to_string()),
    })?;
    let outer_path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    if request.head.method() != parts.method.as_str() || request.head.path() != outer_path {
        return Err(Error::SealedMessage("method and path inside are not those outside".to_owned()));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in request.head.headers.iter() {
        let line = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let (Ok(name), Ok(value)) = line else {
            return Err(Error::SealedMessage("a header field is malformed".to_owned()));
        };
        headers.append(name, value);
    }
    // The outer length is that of the ciphertext; the inner one is known.
    headers.insert(header::CONTENT_LENGTH, request.content.len().into());
    // The id that the log has already.
    if let Some(id) = parts.headers.get(amaas_wire::predict::REQUEST_ID) {
        headers.entry(amaas_wire::predict::REQUEST_ID).or_insert(id.clone());
    }
    parts.headers = headers;
    Ok(Body::from(Bytes::from(request.content)))
}

/// The one shape of what could not be opened (RFC 9458 §5.3).
fn refuse(error: &OhttpError) -> Response<Body> {
    let (kind, status, title) = match error {
        OhttpError::UnknownKey { .. } | OhttpError::UnsupportedSuite { .. } => {
            (KEY_PROBLEM, StatusCode::UNPROCESSABLE_ENTITY, "the key is not one of this function; fetch the keys again")
        }
        _ => ("about:blank", StatusCode::BAD_REQUEST, "the sealed request could not be opened"),
    };
    let body = serde_json::json!({ "type": kind, "title": title, "status": status.as_u16() }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
    response.extensions_mut().insert(Finished { status, error: None });
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use amaas_wire::bhttp::{Encoding, RequestHead};
    use amaas_wire::ohttp::PublicKey;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::access::KeyDocument;
    use crate::config::Limits;
    use crate::router::router;
    use crate::seal::{KeyFile, Sealing};
    use crate::store::Store;

    const PATH: &str = "/v1/models/m/predict";

    /// A host without models and keys, and the public keys of its sealing.
    fn host(policy: Policy) -> (Host, Vec<PublicKey>) {
        let sealing = Sealing::new(&KeyFile::generate().expect("random"), policy).expect("keys");
        let keys = sealing.ring().public_keys().collect();
        let host = Host::new(Arc::new(KeyDocument::new(Store::folder("nowhere"))), Limits::default());
        host.seal(sealing);
        (host, keys)
    }

    async fn post(host: &Host, path: &str, media_type: &str, body: Vec<u8>) -> (StatusCode, HeaderMap, Bytes) {
        let request = http::Request::post(path).header(header::CONTENT_TYPE, media_type).body(Body::from(body));
        let response = router(host.clone()).oneshot(request.expect("a request")).await.expect("an answer");
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, body.collect().await.expect("a body").to_bytes())
    }

    fn message(path: &str) -> Vec<u8> {
        let head = RequestHead::new("POST", "https", "function", path).expect("a head");
        bhttp::Request::new(head, b"{\"inputs\":[\"SECRET\"]}".to_vec()).encode(Encoding::default())
    }

    #[tokio::test]
    async fn errors_of_the_route_are_inside() {
        let (host, keys) = host(Policy::Required);
        for key in keys {
            let (sealed, opener) = chunked::seal_request(&key, &message(PATH)).expect("sealed");
            let (status, headers, answer) = post(&host, PATH, chunked::REQUEST_MEDIA_TYPE, sealed).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(headers[header::CONTENT_TYPE], chunked::RESPONSE_MEDIA_TYPE);
            let inner = bhttp::Response::decode(&opener.open(&answer).expect("opened"), bhttp::Limits::default());
            let inner = inner.expect("a response");
            assert_eq!(inner.head.status(), 401);
            assert!(String::from_utf8_lossy(&inner.content).contains("key-missing"));

            let (sealed, opener) = whole::seal_request(&key, &message(PATH)).expect("sealed");
            let (status, _, answer) = post(&host, PATH, whole::REQUEST_MEDIA_TYPE, sealed).await;
            assert_eq!(status, StatusCode::OK);
            let inner = bhttp::Response::decode(&opener.open(&answer).expect("opened"), bhttp::Limits::default());
            assert_eq!(inner.expect("a response").head.status(), 401);
        }
    }

    #[tokio::test]
    async fn method_and_path_inside_are_those_outside() {
        let (host, keys) = host(Policy::Optional);
        let (sealed, opener) = chunked::seal_request(&keys[0], &message("/v1/models/other/predict")).expect("sealed");
        let (status, _, answer) = post(&host, PATH, chunked::REQUEST_MEDIA_TYPE, sealed).await;
        assert_eq!(status, StatusCode::OK);
        let inner = bhttp::Response::decode(&opener.open(&answer).expect("opened"), bhttp::Limits::default());
        let inner = inner.expect("a response");
        assert_eq!(inner.head.status(), 400);
        assert!(String::from_utf8_lossy(&inner.content).contains("not those outside"));
    }

    #[tokio::test]
    async fn what_cannot_be_opened_has_one_shape() {
        let (host, keys) = host(Policy::Optional);
        let (sealed, _) = chunked::seal_request(&keys[0], &message(PATH)).expect("sealed");
        let mut shapes = std::collections::BTreeSet::new();
        for damaged in [vec![], sealed[..sealed.len() - 1].to_vec(), sealed[..40].to_vec(), {
            let mut flipped = sealed.clone();
            *flipped.last_mut().expect("bytes") ^= 1;
            flipped
        }] {
            let (status, _, answer) = post(&host, PATH, chunked::REQUEST_MEDIA_TYPE, damaged).await;
            shapes.insert((status.as_u16(), answer));
        }
        assert_eq!(shapes.len(), 1, "{shapes:?}");
        assert_eq!(shapes.first().expect("one").0, 400);

        let mut retired = sealed;
        retired[0] ^= 0x80;
        let (status, _, answer) = post(&host, PATH, chunked::REQUEST_MEDIA_TYPE, retired).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(String::from_utf8_lossy(&answer).contains(KEY_PROBLEM));
    }

    #[tokio::test]
    async fn plain_calls_are_refused_where_sealing_is_required() {
        let (host, _) = host(Policy::Required);
        let (status, _, answer) = post(&host, PATH, "application/json", b"{}".to_vec()).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(String::from_utf8_lossy(&answer).contains("sealing-required"));
    }
}
