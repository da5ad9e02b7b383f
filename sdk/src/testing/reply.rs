//! The reply to one request.

use amaas_wire::Tensor;
use amaas_wire::oip::{self, ErrorBody, HEADER_LENGTH, InferResponse, OutputEncodings, TensorEncoding};
use amaas_wire::predict::{NOT_PROCESSED, PredictResponse, USAGE_BILLED_MS, USAGE_ROWS, Usage};
use amaas_wire::problem::{MEDIA_TYPE, Problem, TYPE_PREFIX};
use bytes::Bytes;
use serde::Serialize;

use super::ReceiptOf;

/// The reply of a [`TestServer`](super::TestServer) to one request. [`TestServer`](super::TestServer) has a method for each kind.
#[derive(Clone, Debug)]
pub struct ScriptedReply {
    model: Option<String>,
    headers: Vec<(String, String)>,
    receipt: Option<ReceiptOf>,
    unsealed: bool,
    action: ReplyAction,
}

/// An answer that can be sent.
pub(super) struct ServerAnswer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

#[derive(Clone, Debug)]
pub(super) enum ReplyAction {
    Answer { status: u16, body: Vec<u8> },
    Problem(Problem),
    Reset,
    Hang,
}

impl ScriptedReply {
    /// An answer of `predict` with these predictions, by version `1`, for this model only.
    ///
    /// # Panics
    /// When a prediction cannot be written as JSON.
    pub fn predict<P: Serialize>(model: &str, predictions: impl IntoIterator<Item = P>) -> Self {
        let predictions: Vec<P> = predictions.into_iter().collect();
        let usage = Usage::new(predictions.len() as u64, 1);
        let body = PredictResponse {
            predictions,
            model: model.to_owned(),
            version: "1".to_owned(),
            truncated: Vec::new(),
            usage,
        };
        Self::json(200, &body).for_model(model)
    }

    /// An answer of `infer` with these outputs, by version `1`, for this model only; its rows are the first output's.
    ///
    /// # Panics
    /// Never: tensors come as bytes, which can carry any value.
    pub fn infer(model: &str, outputs: Vec<Tensor>) -> Self {
        let rows = outputs.first().and_then(Tensor::rows).unwrap_or(1);
        let body =
            InferResponse { model_name: model.to_owned(), model_version: Some("1".to_owned()), id: None, outputs };
        let encoded = body.into_http(&OutputEncodings::all(TensorEncoding::Binary)).expect("bytes can carry any value");
        let header_length = encoded.header_length();
        let body = encoded.into_body().to_vec();
        let reply = Self::new(ReplyAction::Answer { status: 200, body }).for_model(model);
        let reply = match header_length {
            Some(length) => reply.header("content-type", oip::MEDIA_TYPE).header(HEADER_LENGTH, &length.to_string()),
            None => reply.header("content-type", "application/json"),
        };
        reply.header(USAGE_ROWS, &rows.to_string()).header(USAGE_BILLED_MS, "1")
    }

    /// An answer with any JSON body.
    ///
    /// # Panics
    /// When `body` cannot be written as JSON.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("a scripted answer can be written as JSON");
        Self::new(ReplyAction::Answer { status, body }).header("content-type", "application/json")
    }

    /// A problem document of the type `urn:amaas:problem:{slug}`, in the shape of the route that is asked.
    pub fn problem(status: u16, slug: &str, detail: &str) -> Self {
        let problem = Problem::new(format!("{TYPE_PREFIX}{slug}"), slug.replace('-', " "), status, detail);
        Self::new(ReplyAction::Problem(problem))
    }

    /// A closed connection: the request is read, and nothing answered.
    pub fn reset() -> Self {
        Self::new(ReplyAction::Reset)
    }

    /// Silence: the request is read, and the connection stays open.
    pub fn hang() -> Self {
        Self::new(ReplyAction::Hang)
    }

    /// A raw answer.
    pub fn raw(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let reply = Self::new(ReplyAction::Answer { status, body: body.into() });
        headers.iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }

    /// The same reply, for requests that name this model only.
    #[must_use]
    pub fn for_model(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    /// The same reply with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same reply with a receipt.
    #[must_use]
    pub fn receipt(mut self, of: ReceiptOf) -> Self {
        self.receipt = Some(of);
        self
    }

    /// The same reply, saying that nothing was processed.
    #[must_use]
    pub fn not_processed(self) -> Self {
        self.header(NOT_PROCESSED, "true")
    }

    /// The same reply, outside the seal even for a sealed request, as from a gateway.
    #[must_use]
    pub fn unsealed(mut self) -> Self {
        self.unsealed = true;
        self
    }

    pub(super) fn receipt_of(&self) -> Option<ReceiptOf> {
        self.receipt
    }

    pub(super) fn is_unsealed(&self) -> bool {
        self.unsealed
    }

    pub(super) fn fits(&self, model: Option<&str>) -> bool {
        self.model.as_deref().is_none_or(|wanted| model == Some(wanted))
    }

    /// The headers and the action, with a problem in the shape of the route at `path`.
    pub(super) fn play(self, path: &str) -> (Vec<(String, String)>, ReplyAction) {
        let Self { mut headers, action, .. } = self;
        let ReplyAction::Problem(problem) = action else { return (headers, action) };
        let status = problem.status;
        let (media_type, body) = if path.starts_with("/v2") {
            ("application/json", serde_json::to_vec(&ErrorBody { error: problem.detail }))
        } else {
            (MEDIA_TYPE, serde_json::to_vec(&problem))
        };
        headers.push(("content-type".to_owned(), media_type.to_owned()));
        (headers, ReplyAction::Answer { status, body: body.expect("strings and numbers can be written as JSON") })
    }

    fn new(action: ReplyAction) -> Self {
        Self { model: None, headers: Vec::new(), receipt: None, unsealed: false, action }
    }
}
