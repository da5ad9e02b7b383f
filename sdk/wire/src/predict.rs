//! The native route, `POST /v1/models/{model}/predict`: the task's own typed JSON.

use serde::{Deserialize, Serialize};

/// The request: one entry for each thing to be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PredictRequest<I> {
    /// The task's inputs, in the order in which the predictions come back.
    pub inputs: Vec<I>,
}

/// The response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictResponse<P> {
    /// One prediction for each input, in their order.
    pub predictions: Vec<P>,
    /// The model that answered.
    pub model: String,
    /// The version that answered.
    pub version: String,
    /// What the call is counted as.
    pub usage: Usage,
}

/// What a call is counted as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// Rows that went through the network: one for each input of `predict`, the batch dimension of `infer`.
    pub rows: u64,
    /// Milliseconds from the first byte read to the answer, loading of the model apart, rounded up.
    pub billed_ms: u64,
}

impl Usage {
    /// A usage of `rows` and `billed_ms`.
    pub fn new(rows: u64, billed_ms: u64) -> Self {
        Self { rows, billed_ms }
    }
}

/// `GET /v1/models`: OpenAI's list shape, with the fields that amaas adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelList {
    /// Always `list`.
    pub object: String,
    /// The models that the caller's key may use.
    pub data: Vec<ModelEntry>,
}

/// One model of a [`ModelList`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// The model's name.
    pub id: String,
    /// Always `model`.
    pub object: String,
    /// Always `amaas`.
    pub owned_by: String,
    /// The version that answers; empty until it is loaded.
    pub version: String,
    /// The task, `tensor` for a network that is served as it is.
    pub task: String,
    /// Whether calls will be answered.
    pub ready: bool,
}

/// The header that carries the usage of an `infer` call, whose body has no place for it.
pub const USAGE_ROWS: &str = "amaas-usage-rows";
/// See [`USAGE_ROWS`].
pub const USAGE_BILLED_MS: &str = "amaas-usage-billed-ms";
/// The header that carries the request id, on requests (where the caller chose one) and on every answer.
pub const REQUEST_ID: &str = "x-request-id";
/// One key for each logical call, the same on every attempt.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// On a refusal: no part of the request was processed, so that it may be sent again without an idempotency key.
pub const NOT_PROCESSED: &str = "amaas-not-processed";
