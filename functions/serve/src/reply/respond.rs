//! Around every route: the request's id, one log line, and errors in the route's shape. It changes nothing else.

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
use crate::headers::of_sharing;
use crate::telemetry;
use amaas_engine::RunError;

/// The layer, where it stands alone.
pub(crate) async fn respond_to(request: Request, next: Next) -> Response<Body> {
    respond(request, |request| next.run(request)).await
}

/// The layer, around `inner`.
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
    let (mut response, finished) = finish(response, dialect, &id_text);
    response.headers_mut().insert(REQUEST_ID, id);
    log(&span, &finished, begun);
    response
}

/// Tells the span of [`respond`] which route it is: the layer of the routes, since a sealed call gets to its route only
/// when it was opened.
pub(crate) async fn named(request: Request, next: Next) -> Response<Body> {
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str);
    tracing::Span::current().record("route", route);
    next.run(request).await
}

/// How a call ended, on an answer that has its final shape.
#[derive(Clone, Debug)]
pub(crate) struct FinalResponse {
    /// The status that the caller sees, inside where the answer is sealed.
    pub(crate) status: StatusCode,
    /// The error, where it is one.
    pub(crate) error: Option<Error>,
}

/// `response` to `path` in its final shape, before it is sealed.
pub(crate) fn rendered(response: Response<Body>, path: &str, headers: &HeaderMap) -> (Response<Body>, FinalResponse) {
    let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("none");
    finish(response, Dialect::of(path), id)
}

fn finish(mut response: Response<Body>, dialect: Dialect, id: &str) -> (Response<Body>, FinalResponse) {
    if let Some(finished) = response.extensions_mut().remove::<FinalResponse>() {
        return (response, finished);
    }
    let status = response.status();
    let error = match response.extensions_mut().remove::<Error>() {
        Some(error) => error,
        // Only axum's own refusals carry no error: of a path or a query that is not UTF-8.
        None if status.is_client_error() => Error::Route(RouteError::Url),
        None => return (response, FinalResponse { status, error: None }),
    };
    let allow = response.headers_mut().remove(http::header::ALLOW);
    let mut response = render(&error, dialect, id);
    // RFC 9110 §15.5.6: a refused method comes with those that are taken.
    response.headers_mut().extend(allow.map(|allow| (http::header::ALLOW, allow)));
    (response, FinalResponse { status: error.status(), error: Some(error) })
}

/// The answer for `error` in the place of one to `path` that had `headers`, and that the host cannot carry.
pub(crate) fn instead(headers: &HeaderMap, path: &str, error: &Error) -> Response<Body> {
    let id = headers.get(REQUEST_ID).cloned().unwrap_or(HeaderValue::from_static("none"));
    let id_text = id.to_str().unwrap_or_default();
    let mut response = render(error, Dialect::of(path), id_text);
    tracing::info!(id = id_text, status = response.status().as_u16(), kind = error.slug(), "refused after all");
    response.headers_mut().insert(REQUEST_ID, id);
    response.headers_mut().extend(of_sharing(headers));
    response
}

fn log(span: &tracing::Span, finished: &FinalResponse, begun: Instant) {
    let _entered = span.enter();
    let status = finished.status.as_u16();
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    match &finished.error {
        None if status < 400 => tracing::info!(status, ms, "answered"),
        None => tracing::info!(status, ms, "refused"),
        Some(error) if status < 500 => tracing::info!(status, ms, kind = error.slug(), "refused"),
        Some(error) => {
            let cause = error.internal_text();
            tracing::error!(status, ms, kind = error.slug(), %error, cause, "failed");
            // One caller's run can lose the model for others, which says nothing of the version.
            if !matches!(error, Error::Run(RunError::Lost)) {
                telemetry::failed();
            }
        }
    }
}

/// Whether an id can stand in a log.
pub(crate) fn fits(id: &HeaderValue) -> bool {
    id.len() <= 128 && !id.is_empty() && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// The caller's id, where it is one that can stand in a log; else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    if let Some(id) = headers.get(REQUEST_ID).filter(|id| fits(id)) {
        return id.clone();
    }
    let id = Bytes::from(format!("{:032x}", DRAWN.with_borrow_mut(RandomIds::next)));
    HeaderValue::from_maybe_shared(id).unwrap_or(HeaderValue::from_static("none"))
}

thread_local! {
    static DRAWN: RefCell<RandomIds> = const { RefCell::new(RandomIds { bytes: [0; DRAW], used: DRAW }) };
}

/// Random bytes for ids, drawn for some at once: to ask the system for each costs as much as to read its request. There is no call
/// before Lambda takes a snapshot, so none of them are in it.
struct RandomIds {
    bytes: [u8; DRAW],
    used: usize,
}

impl RandomIds {
    fn next(&mut self) -> u128 {
        if self.used == DRAW {
            // Without randomness the id is not unique, which costs nothing but a confusing log.
            let _ = getrandom::fill(&mut self.bytes);
            self.used = 0;
        }
        let id = self.bytes[self.used..].first_chunk().map_or(0, |bytes| u128::from_ne_bytes(*bytes));
        self.used += size_of::<u128>();
        id
    }
}

/// Of 32 ids.
const DRAW: usize = 32 * size_of::<u128>();

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_all_different() {
        let count = DRAW / size_of::<u128>() * 3;
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
