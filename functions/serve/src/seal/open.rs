//! Opens sealed calls and has their answers sealed: the layer.
//!
//! What fails before a call is opened is answered in one shape that tells nothing but whether to fetch the keys again.
//! What fails after it is inside the sealed answer, which is always a 200 outside.

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
use crate::body::metered;
use crate::error::BodyError;
use crate::error::Error;
use crate::error::RouteError;
use crate::error::SealedCallError;
use crate::idempotency::runs_once;
use crate::reply::{FinalResponse, fits, rendered};
use crate::sealing::HeldBytes;
use crate::sealing::SealedRequest;
use crate::sealing::{self, SealedCall, Sealing};
use crate::state::AppState;
use amaas_wire::Digest;

/// The layer, around `routes`.
pub(crate) async fn open<F>(state: AppState, request: Request, routes: impl FnOnce(Request) -> F) -> Response<Body>
where
    F: Future<Output = Response<Body>>,
{
    let Some(form) = SealedForm::of(request.headers()) else {
        // What needs no key is answered; with one in the clear a GET is refused too, where the key is looked at.
        return match request.method() {
            &Method::POST if state.requires_sealing() => Error::Sealed(SealedCallError::Required).into_response(),
            _ => routes(request).await,
        };
    };
    let (parts, body) = request.into_parts();
    let opened = match arrived(&state, form, &parts, body).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return refuse(&error),
        Err(error) => return error.into_response(),
    };
    let path = parts.uri.path().to_owned();
    let (mut parts, OpenedRequest { message, id, answer, held }) = (parts, opened);
    let response = match inner(&state, &mut parts, message, &id, held).await {
        Ok(content) => routes(Request::from_parts(parts.clone(), content)).await,
        Err(error) => error.into_response(),
    };
    let (response, finished) = rendered(response, &path, &parts.headers);
    match answer.seal(response).await {
        Ok(mut response) => {
            response.extensions_mut().insert(finished);
            response
        }
        Err(error) => error.into_response(),
    }
}

/// A call that was opened.
struct OpenedRequest {
    /// What was in it.
    message: Result<bhttp::Request, BhttpError>,
    /// SHA-256 of the encapsulated key, which no two calls share.
    id: Digest,
    answer: ResponseSealer,
    /// The memory that it takes.
    held: HeldBytes,
}

/// Takes a sealed call and opens it.
async fn arrived(
    state: &AppState,
    form: SealedForm,
    parts: &Parts,
    body: Body,
) -> Result<Result<OpenedRequest, OhttpError>, Error> {
    let sealing = state.sealing().ok_or(Error::Sealed(SealedCallError::Unsupported))?;
    if parts.method != Method::POST {
        return Err(Error::Route(RouteError::Method));
    }
    // What comes while the function stops is refused outside, where a proxy can see that it may be sent elsewhere.
    state.admit()?;
    let arriving = state.arrivals().begin()?;
    let limit = state.limits().sealed_body_bytes();
    let sealed = tokio::select! {
        biased;
        () = arriving.given_up() => return Err(Error::Sealed(SealedCallError::Backlog)),
        sealed = metered(&parts.headers, body, limit, |bytes| arriving.came(bytes)) => sealed?,
    };
    let held = arriving.whole(sealed.len())?;
    let Some(id) = sealed.first().copied() else { return Ok(Err(OhttpError::Truncated)) };
    let keys = sealing.keys_for(id).await?;
    let ring = match keys.ring(id, sealing.now()) {
        Ok(ring) => ring.clone(),
        Err(error) => return Ok(Err(error)),
    };
    let limits = bhttp::DecodeLimits { content: state.limits().body_bytes as u64, ..bhttp::DecodeLimits::default() };
    let opened = state.arrivals().open(sealed.len(), move || Ok(form.open(&ring, sealed, limits, held)));
    opened.await
}

/// The forms of a sealed call.
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

    /// Opens `sealed` and reads the message in it. No more than two of the three, sealed, open and read, are in memory at once.
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
        held.keep(message.as_ref().map_or(0, |message| message.content.capacity()));
        Ok(OpenedRequest { message, id: Digest::of(&encapsulated_key), answer, held })
    }
}

/// Puts the inner request in the place of the outer one, and gives its content.
async fn inner(
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
        once(sealing, &method, &headers, id, &mut parts.extensions).await?;
    }
    // The outer length is that of the ciphertext; the inner one is known.
    headers.insert(header::CONTENT_LENGTH, request.content.len().into());
    // The caller's own inside, or the one that the log has already.
    if let Some(id) = parts.headers.get(REQUEST_ID)
        && !headers.get(REQUEST_ID).is_some_and(fits)
    {
        headers.insert(REQUEST_ID, id.clone());
    }
    (parts.method, parts.headers) = (method, headers);
    parts.extensions.insert(SealedRequest);
    Ok(held.body(request.content))
}

/// Refuses a call of another time and, where they are remembered, one that was taken before. A call that runs once by its idempotency key
/// is remembered by the layer which does that.
async fn once(
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
    call.first().await
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
    response.extensions_mut().insert(FinalResponse { status, error: None });
    response
}
