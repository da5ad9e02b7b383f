//! Lambda events: each becomes a request, or an error of its invocation that says why it is invalid.
//!
//! `lambda_http` panics on an event that AWS would not send, such as a hand-written one whose body is not base64. The next event is served,
//! but the operator would see a panic instead of the reason.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use axum::body::Body;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::FutureExt;
use http_body::Frame;
use lambda_http::request::LambdaRequest;
use lambda_http::{BoxFuture, LambdaEvent, Service};

/// A service for events. It passes valid ones to the inner service.
#[derive(Clone)]
pub(super) struct RequestEvents<S>(pub(super) S);

/// Why an event is not a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EventError {
    #[error("the event's body is not the base64 that its isBase64Encoded says it is")]
    Base64,
    #[error("the event's path or query does not make a request of HTTP")]
    Request,
}

impl<S> Service<LambdaEvent<LambdaRequest>> for RequestEvents<S>
where
    S: Service<LambdaEvent<LambdaRequest>>,
    S::Response: Send + 'static,
    S::Error: Into<lambda_http::Error>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = lambda_http::Error;
    type Future = BoxFuture<'static, Result<S::Response, lambda_http::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), lambda_http::Error>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, event: LambdaEvent<LambdaRequest>) -> Self::Future {
        if !is_decodable(&event.payload) {
            return std::future::ready(Err(EventError::Base64.into())).boxed();
        }
        match catch_unwind(AssertUnwindSafe(|| self.0.call(event))) {
            Ok(answer) => async { answer.await.map_err(Into::into) }.boxed(),
            Err(_) => std::future::ready(Err(EventError::Request.into())).boxed(),
        }
    }
}

fn is_decodable(event: &LambdaRequest) -> bool {
    match event {
        LambdaRequest::ApiGatewayV2(event) if event.is_base64_encoded => event.body.as_deref().is_none_or(is_base64),
        _ => true,
    }
}

/// Whether `text` is base64, decoded in small chunks to bound the memory.
fn is_base64(text: &str) -> bool {
    const CHUNK_BYTES: usize = 4096;
    let (mut decoded, mut pieces) = ([0; CHUNK_BYTES / 4 * 3], text.as_bytes().chunks(CHUNK_BYTES).peekable());
    while let Some(piece) = pieces.next() {
        let whole = pieces.peek().is_some();
        match BASE64_STANDARD.decode_slice(piece, &mut decoded) {
            // Only the last chunk may be padded.
            Ok(length) if !whole || length == decoded.len() => {}
            _ => return false,
        }
    }
    true
}

/// A `Sync` body, which `lambda_http` requires for streaming.
pub(super) struct SyncBody(Mutex<Body>);

impl From<Body> for SyncBody {
    fn from(body: Body) -> Self {
        Self(Mutex::new(body))
    }
}

impl http_body::Body for SyncBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let body = self.get_mut().0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        Pin::new(body).poll_frame(context)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use lambda_http::service_fn;

    use super::*;

    /// Serves an event of API Gateway with this query and body: the status or the error.
    async fn outcome(query: &str, is_base64: bool, body: &str) -> Result<u16, String> {
        let event = serde_json::json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/v2", "rawQueryString": query, "headers": {},
            "requestContext": { "http": { "method": "POST", "path": "/v2", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "x" },
                "requestId": "1", "stage": "$default", "timeEpoch": 0 },
            "body": body, "isBase64Encoded": is_base64,
        });
        let event = serde_json::from_value(event).expect("an event");
        let length = service_fn(async |request: lambda_http::Request| {
            let answer =
                lambda_http::Response::builder().status(200 + u16::try_from(request.body().len()).expect("short"));
            Ok::<_, Infallible>(answer.body(lambda_http::Body::Empty).expect("a response"))
        });
        let mut service = RequestEvents(lambda_http::Adapter::from(length));
        let answer = service.call(LambdaEvent::new(event, lambda_runtime::Context::default())).await;
        let status = |answer| serde_json::to_value(answer).expect("JSON")["statusCode"].as_u64().expect("a number");
        answer.map(|answer| u16::try_from(status(answer)).expect("a status")).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn an_event_is_a_request_or_an_error_with_words() {
        for (query, is_base64, body, expected) in [
            ("", true, "YWJj", Ok(203)),
            ("", true, "YQ==", Ok(201)),
            ("", true, "", Ok(200)),
            ("a=1", false, "!!!", Ok(203)),
            ("", true, "!!!", Err(EventError::Base64)),
            ("", true, "YQ", Err(EventError::Base64)),
            ("", true, "YQ==YQ==", Err(EventError::Base64)),
            ("", true, "YR==", Err(EventError::Base64)),
            ("a b\u{1}", false, "", Err(EventError::Request)),
        ] {
            let expected = expected.map_err(|error: EventError| error.to_string());
            assert_eq!(outcome(query, is_base64, body).await, expected, "{query} {body}");
        }
    }

    #[test]
    fn long_texts_are_base64_piece_by_piece() {
        for (text, expected) in [
            ("YWJj".repeat(5000), true),
            ("YWJj".repeat(1024) + "YQ==", true),
            ("YWJj".repeat(1023) + "YQ==" + "YWJj", false),
            ("YWJj".repeat(5000) + "!", false),
        ] {
            assert_eq!(is_base64(&text), expected, "{} bytes", text.len());
        }
    }
}
