//! The outermost layer: sets the request's id, writes one log line, and renders errors in the format of the route. It changes nothing else.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use amaas_wire::predict::REQUEST_ID;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tracing::Instrument;

use super::error::{Dialect, render};
use crate::body::linger;
use crate::error::Error;
use crate::error::RouteError;
use crate::headers::cors_headers;
use crate::telemetry;
use amaas_engine::RunError;

/// The layer as axum middleware.
pub(crate) async fn respond_to(request: Request, next: Next) -> Response<Body> {
    respond(request, |request| next.run(request)).await
}

/// The layer around `inner`.
pub(crate) async fn respond<F>(mut request: Request, inner: impl FnOnce(Request) -> F) -> Response<Body>
where
    F: Future<Output = Response<Body>>,
{
    let begun = Instant::now();
    let id = request_id(request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let (parts, body) = request.into_parts();
    let body = linger(&parts.headers, body);
    let request = Request::from_parts(parts, body);
    let id_text = id.to_str().unwrap_or_default().to_owned();
    let dialect = Dialect::of(request.uri().path());
    let method = request.method().clone();
    let empty = tracing::field::Empty;
    let span = tracing::info_span!("request", id = id_text, %method, route = empty, tenant = empty);
    let answered = AssertUnwindSafe(inner(request)).catch_unwind().instrument(span.clone()).await;
    let response = answered.unwrap_or_else(|_| {
        use axum::response::IntoResponse;
        Error::internal("a handler panicked").into_response()
    });
    let (mut response, outcome) = render_response(response, dialect, &id_text);
    response.headers_mut().insert(REQUEST_ID, id);
    log(&span, &outcome, begun);
    response
}

/// Records the route in the span of [`respond`]. It is a layer of the routes, since the route of a sealed call is known only after the
/// call is opened.
pub(crate) async fn record_route(request: Request, next: Next) -> Response<Body> {
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str);
    tracing::Span::current().record("route", route);
    next.run(request).await
}

/// The outcome of a call, as an extension of its rendered response.
#[derive(Clone, Debug)]
pub(crate) struct FinalResponse {
    /// The status that the client sees: the inner one, if the response is sealed.
    pub(crate) status: StatusCode,
    /// The error, if the call failed.
    pub(crate) error: Option<Error>,
}

/// Renders `response` to `path` before it is sealed.
pub(crate) fn render_outcome(
    response: Response<Body>,
    path: &str,
    headers: &HeaderMap,
) -> (Response<Body>, FinalResponse) {
    let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("none");
    render_response(response, Dialect::of(path), id)
}

fn render_response(mut response: Response<Body>, dialect: Dialect, id: &str) -> (Response<Body>, FinalResponse) {
    if let Some(outcome) = response.extensions_mut().remove::<FinalResponse>() {
        return (response, outcome);
    }
    let status = response.status();
    let error = match response.extensions_mut().remove::<Error>() {
        Some(error) => error,
        // Only axum itself refuses without an error: a path or a query that is not UTF-8.
        None if status.is_client_error() => Error::Route(RouteError::Url),
        None => return (response, FinalResponse { status, error: None }),
    };
    let allow = response.headers_mut().remove(http::header::ALLOW);
    let mut response = render(&error, dialect, id);
    // RFC 9110 §15.5.6: a response that refuses a method lists the allowed ones.
    response.headers_mut().extend(allow.map(|allow| (http::header::ALLOW, allow)));
    (response, FinalResponse { status: error.status(), error: Some(error) })
}

/// The error response that replaces a response to `path` with `headers`, which the host cannot send.
pub(crate) fn replace_with_error(headers: &HeaderMap, path: &str, error: &Error) -> Response<Body> {
    let id = headers.get(REQUEST_ID).cloned().unwrap_or(HeaderValue::from_static("none"));
    let id_text = id.to_str().unwrap_or_default();
    let mut response = render(error, Dialect::of(path), id_text);
    tracing::info!(
        id = id_text,
        status = response.status().as_u16(),
        kind = error.slug(),
        "response replaced with an error"
    );
    response.headers_mut().insert(REQUEST_ID, id);
    response.headers_mut().extend(cors_headers(headers));
    response
}

fn log(span: &tracing::Span, outcome: &FinalResponse, begun: Instant) {
    let _entered = span.enter();
    let status = outcome.status.as_u16();
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    match &outcome.error {
        None if status < 400 => tracing::info!(status, ms, "answered"),
        None => tracing::info!(status, ms, "refused"),
        Some(error) if status < 500 => tracing::info!(status, ms, kind = error.slug(), "refused"),
        Some(error) => {
            let cause = error.internal_text();
            tracing::error!(status, ms, kind = error.slug(), %error, cause, "failed");
            // One client's call can make the model unusable for others; that is no failure of the version.
            if !matches!(error, Error::Run(RunError::Lost)) {
                telemetry::record_failure();
            }
        }
    }
}

/// Whether an id is safe to log: short, and visible ASCII.
pub(crate) fn is_loggable_id(id: &HeaderValue) -> bool {
    id.len() <= 128 && !id.is_empty() && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// The client's request id if it is safe to log, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    if let Some(id) = headers.get(REQUEST_ID).filter(|id| is_loggable_id(id)) {
        return id.clone();
    }
    let id = Bytes::from(format!("{:032x}", RANDOM_IDS.with_borrow_mut(RandomIds::next)));
    HeaderValue::from_maybe_shared(id).unwrap_or(HeaderValue::from_static("none"))
}

thread_local! {
    static RANDOM_IDS: RefCell<RandomIds> = const { RefCell::new(RandomIds { bytes: [0; RANDOM_BATCH_BYTES], used: RANDOM_BATCH_BYTES }) };
}

/// Random ids, drawn in batches: a system call for each id would cost as much as reading the request. There is no call before Lambda takes
/// a snapshot, so the snapshot contains none of them.
struct RandomIds {
    bytes: [u8; RANDOM_BATCH_BYTES],
    used: usize,
}

impl RandomIds {
    fn next(&mut self) -> u128 {
        if self.used == RANDOM_BATCH_BYTES {
            // Without randomness, ids repeat; only the log becomes ambiguous.
            let _ = getrandom::fill(&mut self.bytes);
            self.used = 0;
        }
        let id = self.bytes[self.used..].first_chunk().map_or(0, |bytes| u128::from_ne_bytes(*bytes));
        self.used += size_of::<u128>();
        id
    }
}

/// Random bytes for 32 ids.
const RANDOM_BATCH_BYTES: usize = 32 * size_of::<u128>();

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_all_different() {
        let count = RANDOM_BATCH_BYTES / size_of::<u128>() * 3;
        let ids: BTreeSet<_> = (0..count).map(|_| request_id(&HeaderMap::new()).as_bytes().to_vec()).collect();
        assert_eq!(ids.len(), count);
        assert!(ids.iter().all(|id| id.len() == 32 && id.iter().all(u8::is_ascii_hexdigit)));
    }

    #[test]
    fn a_callers_id_is_taken_where_it_can_stand_in_a_log() {
        for (id, taken) in [("a-1", true), ("two words", false), ("", false), ("é", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).expect("a value"));
            assert_eq!(request_id(&headers).as_bytes() == id.as_bytes(), taken, "{id:?}");
        }
    }
}
