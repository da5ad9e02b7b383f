//! The layer that opens sealed calls and seals their responses.
//!
//! All failures before a call is opened have the same response, which reveals only whether the client should fetch the keys again.
//! Later failures are inside the sealed response, whose outer status is always 200.

use std::sync::Arc;

use amaas_ohttp::bhttp::{self, BhttpError};
use amaas_ohttp::{KEY_PROBLEM, KeyRing, OhttpError, chunked, whole};
use amaas_wire::predict::REQUEST_ID;
use amaas_wire::problem;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::answer::ResponseSealer;
use crate::body::read_metered;
use crate::error::BodyError;
use crate::error::Error;
use crate::error::RouteError;
use crate::error::SealedCallError;
use crate::idempotency::runs_once;
use crate::reply::{FinalResponse, is_loggable_id, render_outcome};
use crate::sealing::HeldBytes;
use crate::sealing::SealedRequest;
use crate::sealing::{self, SealedCall, Sealing};
use crate::state::AppState;
use amaas_wire::Digest;

/// The layer around `routes`.
pub(crate) async fn open<F>(state: AppState, request: Request, routes: impl FnOnce(Request) -> F) -> Response<Body>
where
    F: Future<Output = Response<Body>>,
{
    let Some(sealed_form) = SealedForm::of(request.headers()) else {
        // Routes without a key are answered. A plain GET with a key is refused later, when the key is checked.
        return match request.method() {
            &Method::POST if state.requires_sealing() => Error::Sealed(SealedCallError::Required).into_response(),
            _ => routes(request).await,
        };
    };
    let (parts, body) = request.into_parts();
    let opened = match receive_and_open(&state, sealed_form, &parts, body).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return refuse_unopened(&error),
        Err(error) => return error.into_response(),
    };
    let path = parts.uri.path().to_owned();
    let (mut parts, OpenedRequest { message, id, answer, held }) = (parts, opened);
    let response = match replace_with_inner(&state, &mut parts, message, &id, held).await {
        Ok(content) => routes(Request::from_parts(parts.clone(), content)).await,
        Err(error) => error.into_response(),
    };
    let (response, outcome) = render_outcome(response, &path, &parts.headers);
    match answer.seal(response).await {
        Ok(mut response) => {
            response.extensions_mut().insert(outcome);
            response
        }
        Err(error) => error.into_response(),
    }
}

/// An opened call.
struct OpenedRequest {
    /// The request inside.
    message: Result<bhttp::Request, BhttpError>,
    /// SHA-256 of the encapsulated key, which is unique to a call.
    id: Digest,
    answer: ResponseSealer,
    /// The reserved memory for it.
    held: HeldBytes,
}

/// Receives a sealed call and opens it.
async fn receive_and_open(
    state: &AppState,
    sealed_form: SealedForm,
    parts: &Parts,
    body: Body,
) -> Result<Result<OpenedRequest, OhttpError>, Error> {
    let sealing = state.sealing().ok_or(Error::Sealed(SealedCallError::Unsupported))?;
    if parts.method != Method::POST {
        return Err(Error::Route(RouteError::Method));
    }
    // During shutdown the refusal is not sealed, so that a proxy sees it and can send the call elsewhere.
    state.admit()?;
    let arriving = state.sealed_bodies().begin()?;
    let limit = state.limits().sealed_body_bytes();
    let sealed = tokio::select! {
        biased;
        () = arriving.evicted() => return Err(Error::Sealed(SealedCallError::Backlog)),
        sealed = read_metered(&parts.headers, body, limit, |bytes| arriving.charge(bytes)) => sealed?,
    };
    let held = arriving.complete(sealed.len())?;
    let Some(id) = sealed.first().copied() else { return Ok(Err(OhttpError::Truncated)) };
    let keys = sealing.keys_for(id).await?;
    let ring = match keys.ring_for(id, sealing.now()) {
        Ok(ring) => ring.clone(),
        Err(error) => return Ok(Err(error)),
    };
    let limits = bhttp::DecodeLimits { content: state.limits().body_bytes as u64, ..bhttp::DecodeLimits::default() };
    let opened = state.sealed_bodies().open(sealed.len(), move || Ok(sealed_form.open(&ring, sealed, limits, held)));
    opened.await
}

/// The encapsulation of a sealed call: whole (RFC 9458) or chunked.
#[derive(Clone, Copy)]
enum SealedForm {
    Whole,
    Chunked,
}

impl SealedForm {
    fn of(headers: &HeaderMap) -> Option<Self> {
        match headers.get(header::CONTENT_TYPE)?.to_str().ok()? {
            whole::REQUEST_MEDIA_TYPE => Some(Self::Whole),
            chunked::REQUEST_MEDIA_TYPE => Some(Self::Chunked),
            _ => None,
        }
    }

    /// Opens `sealed` and decodes the message in it. At most two of the sealed, opened and decoded forms are in memory at once.
    fn open(
        self,
        ring: &KeyRing,
        sealed: Bytes,
        limits: bhttp::DecodeLimits,
        mut held: HeldBytes,
    ) -> Result<OpenedRequest, OhttpError> {
        let (request, encapsulated_key, answer) = match self {
            Self::Whole => {
                let opened = whole::open_request(ring, &sealed)?;
                (opened.request, opened.encapsulated_key, ResponseSealer::Whole(opened.response))
            }
            Self::Chunked => {
                let opened = chunked::open_request(ring, &sealed)?;
                (opened.request, opened.encapsulated_key, ResponseSealer::Chunked(opened.response))
            }
        };
        drop(sealed);
        let message = bhttp::Request::decode(&request, limits);
        drop(request);
        held.set_bytes(message.as_ref().map_or(0, |message| message.content.capacity()));
        Ok(OpenedRequest { message, id: Digest::of(&encapsulated_key), answer, held })
    }
}

/// Replaces the outer request in `parts` with the inner one, and returns the inner body.
async fn replace_with_inner(
    state: &AppState,
    parts: &mut Parts,
    message: Result<bhttp::Request, BhttpError>,
    id: &Digest,
    held: HeldBytes,
) -> Result<Body, Error> {
    let request = message.map_err(|error| match error {
        BhttpError::ContentTooLarge { .. } => {
            Error::Body(BodyError::TooLarge { limit: state.limits().body_bytes, got: None })
        }
        error => Error::Sealed(SealedCallError::Message(error.to_string())),
    })?;
    let outer_path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    if request.head.path() != outer_path {
        return Err(Error::Sealed(SealedCallError::Message("the path inside is not the one outside".to_owned())));
    }
    let method = match request.head.method() {
        "GET" => Method::GET,
        "POST" => Method::POST,
        _ => return Err(Error::Sealed(SealedCallError::Message("expected the method GET or POST inside".to_owned()))),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in request.head.headers.iter() {
        let line = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let (Ok(name), Ok(value)) = line else {
            return Err(Error::Sealed(SealedCallError::Message("a header field is malformed".to_owned())));
        };
        headers.append(name, value);
    }
    if let Some(sealing) = state.sealing() {
        check_date_and_replay(sealing, &method, &headers, id, &mut parts.extensions).await?;
    }
    // The outer length is that of the ciphertext.
    headers.insert(header::CONTENT_LENGTH, request.content.len().into());
    // Keep the inner request id if it is safe to log, else use the outer one, which is already in the log.
    if let Some(id) = parts.headers.get(REQUEST_ID)
        && !headers.get(REQUEST_ID).is_some_and(is_loggable_id)
    {
        headers.insert(REQUEST_ID, id.clone());
    }
    (parts.method, parts.headers) = (method, headers);
    parts.extensions.insert(SealedRequest);
    Ok(held.body(request.content))
}

/// Refuses a call whose date is outside the window and, if replays are refused, a call that was accepted before. For a call with an
/// idempotency key, the idempotency layer refuses replays.
async fn check_date_and_replay(
    sealing: &Sealing,
    method: &Method,
    headers: &HeaderMap,
    id: &Digest,
    extensions: &mut Extensions,
) -> Result<(), Error> {
    sealing::check_date(headers, sealing.now(), sealing.replays().is_some())?;
    let Some(replays) = sealing.replays() else { return Ok(()) };
    let call = SealedCall { replays: Arc::clone(replays), id: *id };
    if runs_once(method, headers) {
        extensions.insert(call);
        return Ok(());
    }
    call.reject_replay().await
}

/// The response to a call that could not be opened (RFC 9458 §5.3).
fn refuse_unopened(error: &OhttpError) -> Response<Body> {
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
    response.extensions_mut().insert(FinalResponse { status, error: None });
    response
}
