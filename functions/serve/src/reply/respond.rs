//! Around every route: the request's id, one log line, and errors in the route's shape. It changes nothing else.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use amaas_wire::predict::REQUEST_ID;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Response};
use tracing::Instrument;

use super::error::{Dialect, render};
use crate::error::Error;
use crate::request::linger;

/// The layer.
pub(crate) async fn respond(mut request: Request, next: Next) -> Response<Body> {
    let begun = Instant::now();
    let id = request_id(request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let (parts, body) = request.into_parts();
    let body = linger(&parts.headers, body);
    let request = Request::from_parts(parts, body);
    let id_text = id.to_str().unwrap_or_default().to_owned();
    let dialect = Dialect::of(request.uri().path());
    let route = request.extensions().get::<MatchedPath>().map_or("(none)", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", id = id_text, %method, route, tenant = tracing::field::Empty);
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let response = answered.unwrap_or_else(|_| {
        use axum::response::IntoResponse;
        Error::internal("a handler panicked").into_response()
    });
    let error = match response.extensions().get::<Error>() {
        Some(error) => Some(error.clone()),
        // Only axum's own refusals carry no error: of a path or a query that is not UTF-8.
        None => response.status().is_client_error().then_some(Error::Url),
    };
    let mut response = match &error {
        Some(error) => render(error, dialect, &id_text),
        None => response,
    };
    response.headers_mut().insert(REQUEST_ID, id);
    log(&span, &response, error.as_ref(), begun);
    response
}

/// The answer for `error` in the place of one to `path` that had `headers`, and that the host cannot carry.
pub(crate) fn instead(headers: &HeaderMap, path: &str, error: &Error) -> Response<Body> {
    let id = headers.get(REQUEST_ID).cloned().unwrap_or(HeaderValue::from_static("none"));
    let id_text = id.to_str().unwrap_or_default();
    let mut response = render(error, Dialect::of(path), id_text);
    tracing::info!(id = id_text, status = response.status().as_u16(), kind = error.slug(), "refused after all");
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn log(span: &tracing::Span, response: &Response<Body>, error: Option<&Error>, begun: Instant) {
    let _entered = span.enter();
    let status = response.status().as_u16();
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    match error {
        None => tracing::info!(status, ms, "answered"),
        Some(error) if status < 500 => tracing::info!(status, ms, kind = error.slug(), "refused"),
        Some(error) => {
            let cause = error.internal_text();
            tracing::error!(status, ms, kind = error.slug(), %error, cause, "failed");
        }
    }
}

/// The caller's id, where it is one that can stand in a log; else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let fit = |id: &&HeaderValue| id.len() <= 128 && !id.is_empty() && id.as_bytes().iter().all(u8::is_ascii_graphic);
    if let Some(id) = headers.get(REQUEST_ID).filter(fit) {
        return id.clone();
    }
    let mut bytes = [0_u8; 16];
    // Without randomness the id is not unique, which costs nothing but a confusing log.
    let _ = getrandom::fill(&mut bytes);
    let id = format!("{:032x}", u128::from_be_bytes(bytes));
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("none"))
}
