//! The last stage of a call: decodes an answer to values, or to an error.
//!
//! Invariant: an error holds no payload and no credentials, even if a service or a gateway echoes them.

use std::time::SystemTime;

use amaas_wire::DecodeError;
use amaas_wire::oip::{HEADER_LENGTH, InferResponse, ReadyState};
use amaas_wire::predict::{
    NOT_PROCESSED, PredictResponse, REQUEST_ID, USAGE_BILLED_MS, USAGE_ROWS, USAGE_TOKENS, Usage,
};
use amaas_wire::problem::Problem;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::{Answer, InferAnswer, Readiness};
use crate::completed::CompletedCall;
use crate::credentials::Authorization;
use crate::error::{Error, ErrorKind};
use crate::failure::AttemptFailure;
use crate::retry::{FailureCause, retry_after};
use crate::transport::ReceivedResponse;

pub(crate) fn predict<P: DeserializeOwned>(completed: CompletedCall, inputs: usize) -> Result<Answer<P>, Error> {
    let PredictResponse { predictions, model, version, truncated, usage } = json::<PredictResponse<P>>(&completed)?;
    if predictions.len() != inputs {
        let got = predictions.len();
        return Err(completed.misread(format!("the answer has {got} predictions for {inputs} inputs")));
    }
    Ok(Answer { predictions, model, version, truncated, usage, trace: completed.trace })
}

pub(crate) fn infer(completed: CompletedCall) -> Result<InferAnswer, Error> {
    let header_length = text(&completed.received.headers, HEADER_LENGTH).map(str::parse).transpose();
    let header_length = header_length.map_err(|_| completed.misread(format!("{HEADER_LENGTH} is not a number")))?;
    let response = InferResponse::from_http(&completed.received.body, header_length);
    let InferResponse { model_name, model_version, outputs, .. } =
        response.map_err(|error| unreadable(&completed, &error))?;
    let usage = usage(&completed.received.headers);
    Ok(InferAnswer { outputs, model: model_name, version: model_version, usage, trace: completed.trace })
}

/// Any JSON answer.
pub(crate) fn json<T: DeserializeOwned>(completed: &CompletedCall) -> Result<T, Error> {
    amaas_wire::from_json(&completed.received.body).map_err(|error| unreadable(completed, &error))
}

/// The readiness that an answer states, in its body with any status, or by a success without a body.
pub(crate) fn readiness(received: &ReceivedResponse) -> Option<Readiness> {
    match serde_json::from_slice::<ReadyState>(&received.body) {
        Ok(ReadyState { ready: true, execution_provider, .. }) => Some(Readiness::Ready { execution_provider }),
        Ok(ReadyState { ready: false, reason, .. }) => Some(Readiness::NotReady { reason }),
        Err(_) => received.is_success().then_some(Readiness::Ready { execution_provider: None }),
    }
}

/// The failure of an answer that is not a success.
pub(crate) fn failure(received: &ReceivedResponse, sent: Option<&Authorization>) -> AttemptFailure {
    let (kind, what) = ErrorKind::of_status(received.status);
    let (detail, problem) = explanation(received, sent);
    let retry_after = retry_after(&received.headers, SystemTime::now());
    let id = request_id(&received.headers).or_else(|| problem.as_ref()?.request_id.clone());
    let error = Error::new(kind, what)
        .with_status(received.status)
        .with_explanation(detail, problem)
        .with_retry_after(retry_after)
        .or_request_id(id);
    // A retry cannot help after a budget is exhausted, even if nothing was processed.
    let refused = received.headers.contains_key(NOT_PROCESSED) && kind != ErrorKind::Budget;
    let cause = if refused { FailureCause::NotProcessed } else { FailureCause::Status(received.status) };
    AttemptFailure { cause, error }
}

pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    text(headers, REQUEST_ID).filter(|id| !id.is_empty()).map(str::to_owned)
}

fn unreadable(completed: &CompletedCall, error: &DecodeError) -> Error {
    let media_type = completed.received.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let of_type = media_type.map_or(String::new(), |media_type| format!(" of type {media_type:?}"));
    completed.misread(format!("the answer{of_type} cannot be read, {error}"))
}

/// `detail` of a problem, or the error of the Open Inference Protocol, of `OpenAI`'s routes, of AWS's gateways.
fn explanation(received: &ReceivedResponse, sent: Option<&Authorization>) -> (Option<String>, Option<Problem>) {
    let Ok(mut json) = serde_json::from_slice::<Value>(&received.body) else { return (None, None) };
    if let Some(sent) = sent {
        clean(&mut json, sent.secret());
    }
    let places = ["/detail", "/error", "/error/message", "/message", "/Message"];
    let detail = places.into_iter().find_map(|place| json.pointer(place)?.as_str()).filter(|text| !text.is_empty());
    let detail = detail.map(|text| text.chars().filter(|it| !it.is_control()).take(MAX_DETAIL_CHARS).collect());
    let problem = json.get("type").is_some_and(Value::is_string).then(|| serde_json::from_value(json).ok()).flatten();
    (detail, problem)
}

/// Removes the secret from every text.
fn clean(json: &mut Value, secret: &str) {
    match json {
        Value::String(text) => *text = text.replace(secret, "…"),
        Value::Array(values) => values.iter_mut().for_each(|value| clean(value, secret)),
        Value::Object(members) => members.values_mut().for_each(|value| clean(value, secret)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn usage(headers: &HeaderMap) -> Option<Usage> {
    let number = |name| text(headers, name)?.parse().ok();
    let usage = Usage::new(number(USAGE_ROWS)?, number(USAGE_BILLED_MS)?);
    Some(number(USAGE_TOKENS).map_or(usage, |tokens| usage.with_tokens(tokens)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The most characters of a service's explanation that an error keeps: a few lines of a log, not a page of HTML.
const MAX_DETAIL_CHARS: usize = 1000;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn received(status: u16, body: &str) -> ReceivedResponse {
        ReceivedResponse { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    #[test]
    fn every_shape_of_error_is_understood() {
        for (body, detail, slug) in [
            (r#"{"type":"urn:amaas:problem:x","detail":"why"}"#, Some("why"), Some("urn:amaas:problem:x")),
            (r#"{"error":"why"}"#, Some("why"), None),
            (r#"{"error":{"message":"why","type":"x","code":null}}"#, Some("why"), None),
            (r#"{"message":"why"}"#, Some("why"), None),
            (r#"{"Message":"why"}"#, Some("why"), None),
            (r#"{"type":"urn:x","status":"not a number"}"#, None, None),
            (r#"{"error":""}"#, None, None),
            ("<html>why</html>", None, None),
            ("[]", None, None),
            ("", None, None),
        ] {
            let error = failure(&received(503, body), None).error;
            assert_eq!(error.detail(), detail, "{body}");
            assert_eq!(error.problem().map(|problem| problem.kind.as_str()), slug, "{body}");
        }
    }

    #[test]
    fn an_echoed_key_is_taken_out_and_a_long_text_is_cut() {
        let sent = Authorization::bearer("SECRET").expect("visible");
        let body =
            format!(r#"{{"type":"SECRET","title":"SECRET","detail":"unknown key SECRET {}"}}"#, "x".repeat(5000));
        let error = failure(&received(401, &body), Some(&sent)).error;
        assert!(!format!("{error} {error:?} {:?}", error.problem().map(|problem| &problem.title)).contains("SECRET"));
        assert_eq!(error.detail().map(str::len), Some(MAX_DETAIL_CHARS + "…".len() - 1));
    }

    #[test]
    fn readiness_is_in_the_body_or_in_a_bare_success() {
        for (status, body, expected) in [
            (200, "", Some(true)),
            (200, r#"{"name":"m","ready":true,"execution_provider":"cpu"}"#, Some(true)),
            (200, r#"{"ready":false}"#, Some(false)),
            (503, r#"{"ready":false,"reason":"loading"}"#, Some(false)),
            (503, r#"{"error":"overloaded"}"#, None),
            (404, "", None),
        ] {
            assert_eq!(readiness(&received(status, body)).map(|it| it.is_ready()), expected, "{status} {body}");
        }
    }
}
