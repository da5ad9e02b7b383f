//! The Function URL: an HTTP server that turns each request into an invocation.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use http::{Response, StatusCode};
use serde_json::json;

use super::exchange::Exchange;
use super::{answer, event, runtime_api};

pub(super) fn routes(exchange: Arc<Exchange>) -> Router {
    Router::new().fallback(invoke).with_state(exchange)
}

async fn invoke(State(exchange): State<Arc<Exchange>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_EVENT_BYTES).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long");
    };
    let id = id();
    let event = event::event(&parts, &body, &id, exchange.signer().as_deref()).to_string().into_bytes();
    if event.len() > MAX_EVENT_BYTES {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long");
    }
    match tokio::time::timeout(runtime_api::TIMEOUT, exchange.invoke(id, event)).await {
        Ok(answer) => answer.and_then(answer::http).unwrap_or_else(broken),
        Err(_) => refusal(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout"),
    }
}

fn broken() -> Response<Body> {
    refusal(StatusCode::BAD_GATEWAY, "Internal Server Error")
}

fn refusal(status: StatusCode, why: &str) -> Response<Body> {
    (status, [("content-type", "application/json")], json!({"Message": why}).to_string()).into_response()
}

/// A random UUID, as Lambda's ids are.
fn id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Lambda's limit of an event.
const MAX_EVENT_BYTES: usize = 6_291_456;
