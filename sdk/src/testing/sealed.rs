//! Sealed requests: opened before the script sees them, and their answers sealed after it.

use amaas_ohttp::bhttp::{BhttpError, DecodeLimits, MessageEncoding, Request, Response, ResponseHead};
use amaas_ohttp::chunked::{self, PendingResponse};
use amaas_ohttp::{KEY_PROBLEM, KeyRing, OhttpError};
use amaas_wire::problem;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::RecordedRequest;
use super::reply::ServerAnswer;

pub(super) fn is_sealed(request: &RecordedRequest) -> bool {
    request.header(CONTENT_TYPE.as_str()) == Some(chunked::REQUEST_MEDIA_TYPE)
}

/// The request inside `outer`, and what seals its answer; or the answer to what cannot be opened.
pub(super) fn open(ring: &KeyRing, outer: RecordedRequest) -> Result<(RecordedRequest, PendingResponse), ServerAnswer> {
    let opened = chunked::open_request(ring, &outer.body).map_err(|error| refuse(&error))?;
    let request = Request::decode(&opened.request, DecodeLimits { content: u64::MAX, ..DecodeLimits::default() });
    let request = request.map_err(|error| wrong(&error.to_string()))?;
    let path = outer.query().map_or_else(|| outer.path.clone(), |query| format!("{}?{query}", outer.path));
    // No gateway before this server removes the endpoint's own path.
    if outer.method != "POST" || !path.ends_with(request.head.path()) {
        return Err(wrong("the path inside is not the one outside, or the method outside is not POST"));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in request.head.headers.iter() {
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) else {
            return Err(wrong("a header inside is malformed"));
        };
        headers.append(name, value);
    }
    let inner = RecordedRequest {
        method: request.head.method().to_owned(),
        headers,
        outer_headers: Some(outer.headers),
        body: request.content.into(),
        path: outer.path,
        query: outer.query,
    };
    Ok((inner, opened.response))
}

/// The answer, sealed.
pub(super) fn seal(pending: PendingResponse, answer: &ServerAnswer) -> Result<ServerAnswer, BhttpError> {
    let mut head = ResponseHead::new(answer.status)?;
    for (name, value) in &answer.headers {
        head.headers.push(name, value)?;
    }
    let message = Response::new(head, answer.body.to_vec()).encode(MessageEncoding::default());
    let Ok(body) = pending.seal(&message) else { return Ok(wrong("no randomness")) };
    Ok(answer_of(200, chunked::RESPONSE_MEDIA_TYPE, body.into()))
}

/// Refuses as the service does: with one answer for all errors except an unknown key.
fn refuse(error: &OhttpError) -> ServerAnswer {
    match error {
        OhttpError::UnknownKey { .. } | OhttpError::UnsupportedSuite { .. } => {
            let body =
                serde_json::json!({"type": KEY_PROBLEM, "title": "the key is not one of this function", "status": 422});
            answer_of(422, problem::MEDIA_TYPE, body.to_string().into())
        }
        _ => wrong("the sealed request could not be opened"),
    }
}

fn wrong(detail: &str) -> ServerAnswer {
    let body = serde_json::json!({"type": "about:blank", "title": "bad request", "status": 400, "detail": detail});
    answer_of(400, problem::MEDIA_TYPE, body.to_string().into())
}

fn answer_of(status: u16, media_type: &str, body: Bytes) -> ServerAnswer {
    ServerAnswer { status, headers: vec![(CONTENT_TYPE.to_string(), media_type.to_owned())], body }
}
