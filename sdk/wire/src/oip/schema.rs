//! The JSON schemas of the messages. They are read and written by hand; tests check that these schemas agree.

use schemars::JsonSchema;

use super::limits::MAX_ID_LEN;
use crate::tensor::{MAX_NAME_LEN, Tensor};

/// `InferRequest` in JSON.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code)] // only its schema is used
pub(super) struct JsonInferRequest {
    /// The client's id for the request, which the answer repeats.
    #[schemars(length(max = MAX_ID_LEN))]
    id: Option<String>,
    /// Parameters of the request.
    parameters: Option<RequestParameters>,
    /// Input tensors, in any order.
    inputs: Vec<Tensor>,
    /// The requested outputs; all of them if missing or empty.
    outputs: Option<Vec<WantedOutput>>,
    /// Ignored: the path names the model.
    model_name: Option<String>,
    /// See `model_name`.
    model_version: Option<String>,
}

/// `InferResponse` in JSON.
#[derive(JsonSchema)]
#[allow(dead_code)]
pub(super) struct JsonInferResponse {
    /// The model that answered.
    model_name: String,
    /// The version that answered.
    #[schemars(skip_serializing_if = "Option::is_none")]
    model_version: Option<String>,
    /// The id of the request, if it has one.
    #[schemars(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Output tensors, in the requested order.
    outputs: Vec<Tensor>,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
#[allow(dead_code)]
struct RequestParameters {
    /// Whether outputs are encoded as bytes after the JSON, unless an output says otherwise.
    binary_data_output: Option<bool>,
    /// No effect: calls have no priority.
    priority: Option<u64>,
    /// No effect: a full queue refuses at once.
    timeout: Option<u64>,
    /// Sequences are not supported.
    #[schemars(extend("enum" = [0, "", null]))]
    sequence_id: Option<serde_json::Value>,
    /// See `sequence_id`.
    #[schemars(extend("enum" = [false, null]))]
    sequence_start: Option<bool>,
    /// See `sequence_id`.
    #[schemars(extend("enum" = [false, null]))]
    sequence_end: Option<bool>,
}

/// A requested output.
#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
#[allow(dead_code)]
struct WantedOutput {
    /// The output's name.
    #[schemars(length(max = MAX_NAME_LEN))]
    name: String,
    /// Parameters of the output.
    parameters: Option<OutputParameters>,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
#[allow(dead_code)]
struct OutputParameters {
    /// Whether it is encoded as bytes after the JSON.
    binary_data: Option<bool>,
    /// The number of largest values that are asked for, as texts `value:index` or `value:index:label`; 0 asks for the values.
    classification: Option<u64>,
}
