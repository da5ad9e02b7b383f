//! Tests of the layer as a whole, on key sets in temporary stores.

mod admission;
mod altered;
mod damage;
mod layer;
mod receipt;
mod rotation;

use amaas_ohttp::bhttp::{self, MessageEncoding, RequestHead};
use amaas_ohttp::{PublicKey, chunked, whole};
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::limits::Limits;
use crate::router::router;
use crate::sealing::Sealing;
use crate::state::AppState;
use amaas_access::Accounts;

const PATH: &str = "/v1/models/m/predict";

/// A host without models and API keys.
fn host(sealing: Sealing) -> AppState {
    AppState::builder(Accounts::in_memory().expect("randomness"), Limits::default()).sealing(sealing).build()
}

async fn send(state: &AppState, request: http::request::Builder, body: Vec<u8>) -> (StatusCode, HeaderMap, Bytes) {
    let request = request.body(Body::from(body)).expect("a request");
    let response = router(state.clone()).oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body.collect().await.expect("a body").to_bytes())
}

async fn post(state: &AppState, path: &str, media_type: &str, body: Vec<u8>) -> (StatusCode, HeaderMap, Bytes) {
    send(state, http::Request::post(path).header(header::CONTENT_TYPE, media_type), body).await
}

async fn get(state: &AppState, path: &str) -> (StatusCode, HeaderMap, Bytes) {
    send(state, http::Request::get(path), Vec::new()).await
}

/// A call as binary HTTP.
fn message(method: &str, path: &str, date: Option<&str>) -> Vec<u8> {
    let mut head = RequestHead::new(method, "https", "function", path).expect("a head");
    if let Some(date) = date {
        head.headers.push("date", date.as_bytes()).expect("a field");
    }
    bhttp::Request::new(head, b"{\"inputs\":[\"SECRET\"]}".to_vec()).encode(MessageEncoding::default())
}

/// Seals a call to `key` and returns the inner response.
async fn call(state: &AppState, key: &PublicKey, path: &str, message: &[u8]) -> bhttp::Response {
    let (sealed, opener) = chunked::seal_request(key, message).expect("sealed");
    let (status, headers, answer) = post(state, path, chunked::REQUEST_MEDIA_TYPE, sealed).await;
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer));
    assert_eq!(headers[header::CONTENT_TYPE], chunked::RESPONSE_MEDIA_TYPE);
    response(&opener.open(&answer).expect("opened"))
}

async fn call_whole(state: &AppState, key: &PublicKey, path: &str, message: &[u8]) -> bhttp::Response {
    let (sealed, opener) = whole::seal_request(key, message).expect("sealed");
    let (status, _, answer) = post(state, path, whole::REQUEST_MEDIA_TYPE, sealed).await;
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer));
    response(&opener.open(&answer).expect("opened"))
}

fn response(bytes: &[u8]) -> bhttp::Response {
    bhttp::Response::decode(bytes, bhttp::DecodeLimits::default()).expect("a response")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
