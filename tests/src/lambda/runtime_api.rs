//! The Runtime API 2018-06-01, and the part of the Extensions API 2020-01-01 that our functions use.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, BodyStream};
use serde_json::json;

use super::exchange::{Answer, Exchange};

type Shared = State<Arc<Exchange>>;

pub(super) fn routes(exchange: Arc<Exchange>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(async || accepted()))
        .route("/2020-01-01/extension/register", post(register))
        // It subscribes to no event, so this never returns.
        .route("/2020-01-01/extension/event/next", get(async || std::future::pending::<StatusCode>().await))
        .with_state(exchange)
}

async fn next(State(exchange): Shared) -> Response {
    let (id, event) = exchange.next().await;
    let deadline = SystemTime::now() + TIMEOUT;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:test".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned()),
    ];
    (axum::response::AppendHeaders(headers), event).into_response()
}

async fn response(State(exchange): Shared, Path(id): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.headers.get("lambda-runtime-function-response-mode").is_some_and(|mode| mode == "streaming") {
        assert_eq!(parts.headers["content-type"], "application/vnd.awslambda.http-integration-response");
        return streamed(&exchange, &id, body).await;
    }
    let Ok(whole) = body.collect().await else { return refused(StatusCode::BAD_REQUEST, "the body broke off") };
    let whole = whole.to_bytes();
    if whole.len() > MAX_ANSWER_BYTES {
        exchange.answer(&id, Answer::Failed);
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "Exceeded maximum allowed payload size (6291556 bytes).");
    }
    if exchange.answer(&id, Answer::Whole(whole)) { accepted() } else { refused(StatusCode::BAD_REQUEST, "unknown id") }
}

/// The prelude is JSON and ends with eight NULs; the body follows.
async fn streamed(exchange: &Exchange, id: &str, body: Body) -> Response {
    let mut frames = BodyStream::new(body);
    let mut head = BytesMut::new();
    let rest = loop {
        if let Some(end) = head.windows(DELIMITER.len()).position(|window| window == DELIMITER) {
            let rest = head.split_off(end + DELIMITER.len());
            head.truncate(end);
            break rest.freeze();
        }
        match frames.next().await {
            Some(Ok(frame)) => head.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new())),
            Some(Err(_)) | None => return refused(StatusCode::BAD_REQUEST, "the stream ends in the prelude"),
        }
    };
    let Ok(prelude) = serde_json::from_slice(&head) else {
        exchange.answer(id, Answer::Failed);
        return refused(StatusCode::BAD_REQUEST, "the prelude is not JSON");
    };
    let (sender, receiver) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(1);
    let body =
        Body::from_stream(stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver))));
    if !exchange.answer(id, Answer::Streamed { prelude, body }) {
        return refused(StatusCode::BAD_REQUEST, "unknown id");
    }
    let _ = sender.send(Ok(rest)).await;
    while let Some(frame) = frames.next().await {
        let piece = match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => Ok(data),
            // Trailers report an error of the function; the client sees the stream end early.
            Ok(Err(_)) | Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        };
        // If the client disconnected, the function's answer is still read to its end, as Lambda does.
        let _ = sender.send(piece).await;
    }
    accepted()
}

async fn error(State(exchange): Shared, Path(id): Path<String>) -> Response {
    exchange.answer(&id, Answer::Failed);
    accepted()
}

async fn register(State(exchange): Shared, headers: HeaderMap) -> Response {
    let name = headers.get("lambda-extension-name").and_then(|name| name.to_str().ok()).unwrap_or_default();
    exchange.register(name.to_owned());
    let body = json!({"functionName": "test", "functionVersion": "$LATEST", "handler": "bootstrap"});
    ([("lambda-extension-identifier", "5e4f1f7c-0000-4000-8000-000000000001")], body.to_string()).into_response()
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, json!({"status": "OK"}).to_string()).into_response()
}

fn refused(status: StatusCode, why: &str) -> Response {
    (status, json!({"errorMessage": why, "errorType": "InvalidRequest"}).to_string()).into_response()
}

const DELIMITER: [u8; 8] = [0; 8];
/// Lambda's limit of a buffered answer.
const MAX_ANSWER_BYTES: usize = 6_291_556;
/// The timeout of an invocation.
pub(super) const TIMEOUT: Duration = Duration::from_mins(1);
