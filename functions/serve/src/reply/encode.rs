//! Encodes responses.

use std::time::Instant;

use amaas_wire::Tensor;
use amaas_wire::oip::{HEADER_LENGTH, InferResponse, MEDIA_TYPE, OutputEncodings};
use amaas_wire::openai::{
    CompletionsResponse, EmbeddingEntry, EmbeddingsResponse, EncodedVector, EncodingFormat, RerankMeta, RerankResponse,
    RerankResult, RerankTokens, TokenUsage,
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
use crate::reply::bytes_body::BytesBody;
use crate::reply::limit;
use amaas_model::load::Model;
use amaas_model::task::PredictionsJson;

/// Encodes `value` as a JSON response.
pub(crate) fn json(value: &impl Serialize) -> Result<Response<Body>, Error> {
    let body =
        serde_json::to_vec(value).map_err(|error| Error::Response(ResponseError::Unwritable(error.to_string())))?;
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The response of `predict`.
pub(crate) fn predict_response(
    model: &Model,
    predictions: PredictionsJson,
    metering: Metering,
) -> Result<Response<Body>, Error> {
    // Clients read it as `PredictResponse`; here the list is already JSON.
    #[derive(Serialize)]
    struct Answer<'a> {
        predictions: Box<RawValue>,
        model: &'a str,
        version: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        truncated: Vec<usize>,
        usage: Usage,
    }
    let PredictionsJson { predictions, truncated } = predictions;
    let (name, version) = (model.name().as_str(), model.version().as_str());
    let usage = metering.usage();
    with_usage(json(&Answer { predictions, model: name, version, truncated, usage })?, usage, model.answer_bytes())
}

/// The response of `infer`, with each output in its encoding.
pub(crate) fn infer_response(
    model: &Model,
    id: Option<String>,
    outputs: Vec<Tensor>,
    forms: &OutputEncodings,
    metering: Metering,
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
    with_usage(response, metering.usage(), model.answer_bytes())
}

/// The response of `/v1/embeddings`.
pub(crate) fn embeddings_response(
    model: &Model,
    embeddings: Vec<Embedding>,
    format: EncodingFormat,
    metering: Metering,
) -> Result<Response<Body>, Error> {
    let bytes = embeddings.iter().map(|embedding| size_of_val(embedding.embedding.as_slice()) as u64).sum();
    limit::check_response_size(bytes, model.answer_bytes())?;
    let usage = metering.usage();
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
    with_usage(response, usage, model.answer_bytes())
}

/// The response of `/v1/rerank`.
pub(crate) fn rerank_response(
    model: &Model,
    id: String,
    results: Vec<RerankResult>,
    metering: Metering,
) -> Result<Response<Body>, Error> {
    let usage = metering.usage();
    let tokens = usage.tokens.unwrap_or_default();
    let response = json(&RerankResponse {
        id,
        model: model.name().to_string(),
        results,
        usage: TokenUsage { prompt_tokens: tokens, total_tokens: tokens },
        meta: RerankMeta { tokens: RerankTokens { input_tokens: tokens } },
    })?;
    with_usage(response, usage, model.answer_bytes())
}

/// The response of `/v1/completions` without streaming.
pub(crate) fn completions_response(
    model: &Model,
    body: &CompletionsResponse<'_>,
    metering: Metering,
) -> Result<Response<Body>, Error> {
    with_usage(json(body)?, metering.usage(), model.answer_bytes())
}

/// Measures the usage of a call while it runs.
#[derive(Clone, Copy)]
pub(crate) struct Metering {
    pub(crate) rows: usize,
    /// Set if the task counts tokens.
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

/// The usage of a call, as an extension of its response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseUsage {
    pub(crate) usage: Usage,
    /// Bytes of the response.
    pub(crate) bytes: u64,
}

/// Adds the usage of the call to the response, unless the response has more than `limit` bytes.
fn with_usage(mut response: Response<Body>, usage: Usage, limit: u64) -> Result<Response<Body>, Error> {
    write_usage_headers(response.headers_mut(), usage);
    let bytes = response.body().size_hint().exact().unwrap_or_default();
    limit::check_response_size(bytes, limit)?;
    response.extensions_mut().insert(ResponseUsage { usage, bytes });
    Ok(response)
}

/// Writes the usage of a call into `headers`.
pub(crate) fn write_usage_headers(headers: &mut HeaderMap, usage: Usage) {
    headers.insert(USAGE_ROWS, usage.rows.into());
    headers.insert(USAGE_BILLED_MS, usage.billed_ms.into());
    if let Some(tokens) = usage.tokens {
        headers.insert(USAGE_TOKENS, tokens.into());
    }
}
