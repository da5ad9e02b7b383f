//! Converts a function's answer to HTTP, as a Function URL does.

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Response, header};
use serde_json::Value;

use super::exchange::Answer;

/// The HTTP answer; `None` if the function's answer has not the shape that Lambda accepts.
pub(super) fn http(answer: Answer) -> Option<Response<Body>> {
    match answer {
        Answer::Whole(whole) => {
            let answer: Value = serde_json::from_slice(&whole).ok()?;
            let body = answer["body"].as_str().unwrap_or_default();
            let body = match answer["isBase64Encoded"].as_bool() {
                Some(true) => Bytes::from(STANDARD.decode(body).ok()?),
                Some(false) | None => Bytes::copy_from_slice(body.as_bytes()),
            };
            head(&answer, Body::from(body))
        }
        Answer::Streamed { prelude, body } => head(&prelude, body),
        Answer::Failed => None,
    }
}

fn head(answer: &Value, body: Body) -> Option<Response<Body>> {
    let mut response = Response::builder().status(u16::try_from(answer["statusCode"].as_u64()?).ok()?);
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        // The sending server sets these.
        if name != header::CONTENT_LENGTH.as_str() && name != header::TRANSFER_ENCODING.as_str() {
            response = response.header(name, value.as_str()?);
        }
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        response = response.header(header::SET_COOKIE, cookie.as_str()?);
    }
    response.body(body).ok()
}
