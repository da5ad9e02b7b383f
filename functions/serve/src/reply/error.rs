//! Errors in the shape that the route's callers know.

use amaas_wire::oip::ErrorBody;
use amaas_wire::predict::NOT_PROCESSED;
use amaas_wire::problem::{self, Problem};
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, header};

use crate::error::Error;

/// Carries the error to `respond`, which knows the route and the request's id.
impl IntoResponse for Error {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}

/// The shape of errors on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// RFC 9457.
    Problem,
    /// Open Inference Protocol.
    OpenInference,
}

impl Dialect {
    pub(super) fn of(path: &str) -> Self {
        if path == "/v2" || path.starts_with("/v2/") { Self::OpenInference } else { Self::Problem }
    }
}

/// The answer for `error`.
pub(super) fn render(error: &Error, dialect: Dialect, request_id: &str) -> Response<Body> {
    let detail = error.to_string();
    // Whoever seals reads problems, whatever the route's own callers read.
    let dialect = if error.is_of_sealing() { Dialect::Problem } else { dialect };
    let (body, media_type) = match dialect {
        Dialect::OpenInference => (serde_json::to_vec(&ErrorBody { error: detail }), "application/json"),
        Dialect::Problem => {
            let problem = Problem {
                kind: error.kind(),
                title: error.title().to_owned(),
                status: error.status().as_u16(),
                detail,
                request_id: Some(request_id.to_owned()),
            };
            (serde_json::to_vec(&problem), problem::MEDIA_TYPE)
        }
    };
    let mut response = Response::new(Body::from(body.unwrap_or_default()));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some(after) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, after.as_secs().into());
    }
    if error.is_not_processed() {
        headers.insert(NOT_PROCESSED, HeaderValue::from_static("true"));
    }
    if let Error::Date { now, .. } = error
        && let Ok(now) = HeaderValue::from_str(now)
    {
        // RFC 9458 §6.5.2: the caller corrects what it thinks the time is.
        headers.insert(header::DATE, now);
    }
    if matches!(error.status().as_u16(), 401) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
