//! The response of a call that was recorded, or records itself while it is streamed.

use axum::body::Body;
use axum::response::IntoResponse;
use http::Response;

/// A response that may be sent: its call was recorded, or its stream records the call.
pub(crate) struct AnsweredCall(Response<Body>);

impl AnsweredCall {
    /// Only an [`ActiveCall`](super::ActiveCall) creates it.
    pub(super) fn new(response: Response<Body>) -> Self {
        Self(response)
    }
}

impl IntoResponse for AnsweredCall {
    fn into_response(self) -> Response<Body> {
        self.0
    }
}
