//! Answers as JSON.

use std::time::Instant;

use amaas_wire::Tensor;
use amaas_wire::oip::{HEADER_LENGTH, InferResponse, MEDIA_TYPE, OutputEncodings};
use amaas_wire::openai::{
    CompletionsResponse, EmbeddingEntry, EmbeddingsResponse, EncodedVector, EncodingFormat, TokenUsage,
};
use amaas_wire::predict::{USAGE_BILLED_MS, USAGE_ROWS, USAGE_TOKENS, Usage};
use amaas_wire::task::Embedding;
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Body as _;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::error::ResponseError;
use crate::reply::limit;
use crate::reply::pieces::BytesBody;
use amaas_model::load::Model;

/// `value` as an answer.
pub(crate) fn json(value: &impl Serialize) -> Result<Response<Body>, Error> {
    let body =
        serde_json::to_vec(value).map_err(|error| Error::Response(ResponseError::Unwritable(error.to_string())))?;
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The answer of `predict`.
pub(crate) fn predict_response(
    model: &Model,
    predictions: Box<RawValue>,
    counted: Metering,
) -> Result<Response<Body>, Error> {
    // What a caller reads as `PredictResponse`; the list is JSON already.
    #[derive(Serialize)]
    struct Answer<'a> {
        predictions: Box<RawValue>,
        model: &'a str,
        version: &'a str,
        usage: Usage,
    }
    let (name, version) = (model.name().as_str(), model.version().as_str());
    let usage = counted.usage();
    told(json(&Answer { predictions, model: name, version, usage })?, usage, model.answer_bytes())
}

/// The answer of `infer`: the outputs, each in its form.
pub(crate) fn infer_response(
    model: &Model,
    id: Option<String>,
    outputs: Vec<Tensor>,
    forms: &OutputEncodings,
    counted: Metering,
) -> Result<Response<Body>, Error> {
    let (model_name, model_version) = (model.name().to_string(), Some(model.version().to_string()));
    let answer = InferResponse { model_name, model_version, id, outputs }.into_http(forms);
    let answer = answer.map_err(|error| Error::Response(ResponseError::Unwritable(error.to_string())))?;
    let header_length = answer.header_length();
    let media_type = if header_length.is_some() { MEDIA_TYPE } else { "application/json" };
    let mut response = Response::new(Body::new(answer.into_pieces().collect::<BytesBody>()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some(length) = header_length {
        response.headers_mut().insert(HEADER_LENGTH, length.into());
    }
    told(response, counted.usage(), model.answer_bytes())
}

/// The answer of `/v1/embeddings`.
pub(crate) fn embeddings_response(
    model: &Model,
    embeddings: Vec<Embedding>,
    format: EncodingFormat,
    counted: Metering,
) -> Result<Response<Body>, Error> {
    let bytes = embeddings.iter().map(|embedding| size_of_val(embedding.embedding.as_slice()) as u64).sum();
    limit::fits(bytes, model.answer_bytes())?;
    let usage = counted.usage();
    let tokens = usage.tokens.unwrap_or_default();
    let entry = |(index, embedding): (usize, Embedding)| EmbeddingEntry {
        object: "embedding",
        index,
        embedding: EncodedVector { values: embedding.embedding, format },
        truncated: embedding.truncated,
    };
    let response = json(&EmbeddingsResponse {
        object: "list",
        data: embeddings.into_iter().enumerate().map(entry).collect(),
        model: model.name().to_string(),
        usage: TokenUsage { prompt_tokens: tokens, total_tokens: tokens },
    })?;
    told(response, usage, model.answer_bytes())
}

/// The answer of `/v1/completions`, in one piece.
pub(crate) fn completions_response(
    model: &Model,
    body: &CompletionsResponse<'_>,
    counted: Metering,
) -> Result<Response<Body>, Error> {
    told(json(body)?, counted.usage(), model.answer_bytes())
}

/// What a call is counted as, while it is under way.
#[derive(Clone, Copy)]
pub(crate) struct Metering {
    pub(crate) rows: usize,
    /// Where the task counts them.
    pub(crate) tokens: Option<u64>,
    pub(crate) begun: Instant,
}

impl Metering {
    pub(crate) fn usage(self) -> Usage {
        let milliseconds = u64::try_from(self.begun.elapsed().as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        let usage = Usage::new(self.rows as u64, milliseconds);
        match self.tokens {
            Some(tokens) => usage.with_tokens(tokens),
            None => usage,
        }
    }
}

/// What a call is counted as, on the answer that says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseUsage {
    pub(crate) usage: Usage,
    /// Bytes of the answer.
    pub(crate) bytes: u64,
}

/// Says of an answer what its call is counted as, unless it has more than `limit` bytes.
fn told(mut response: Response<Body>, usage: Usage, limit: u64) -> Result<Response<Body>, Error> {
    headers(response.headers_mut(), usage);
    let bytes = response.body().size_hint().exact().unwrap_or_default();
    limit::fits(bytes, limit)?;
    response.extensions_mut().insert(ResponseUsage { usage, bytes });
    Ok(response)
}

/// Says what a call is counted as.
pub(crate) fn headers(headers: &mut HeaderMap, usage: Usage) {
    headers.insert(USAGE_ROWS, usage.rows.into());
    headers.insert(USAGE_BILLED_MS, usage.billed_ms.into());
    if let Some(tokens) = usage.tokens {
        headers.insert(USAGE_TOKENS, tokens.into());
    }
}
