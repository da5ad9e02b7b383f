//! The response of a call that was counted.

use axum::body::Body;
use axum::response::IntoResponse;
use http::Response;

/// A response that may leave: its call was counted, or is a repeat of one.
pub(crate) struct AnsweredCall(Response<Body>);

impl AnsweredCall {
    /// Only a [`ActiveCall`](super::ActiveCall) makes one.
    pub(super) fn new(response: Response<Body>) -> Self {
        Self(response)
    }
}

impl IntoResponse for AnsweredCall {
    fn into_response(self) -> Response<Body> {
        self.0
    }
}
