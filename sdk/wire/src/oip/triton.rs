//! Routes of Triton beyond the protocol: a model's configuration, its statistics and the repository index.
//!
//! Sources: `extension_model_configuration.md`, `extension_statistics.md` and `extension_model_repository.md` of Triton. Only
//! members with a meaning here are written; if the extension demands another one, its doc says so.

use serde::{Deserialize, Serialize};

use crate::tensor::Datatype;

/// `GET /v2/models/{model}[/versions/{version}]/config`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelConfig {
    /// The model's name.
    pub name: String,
    /// Framework and format, `onnxruntime_onnx`.
    pub platform: String,
    /// The framework alone, `onnxruntime`.
    pub backend: String,
    /// The most rows of a call; 0 if the first dimension is not the batch.
    pub max_batch_size: u64,
    /// Input tensors.
    pub input: Vec<TensorConfig>,
    /// Output tensors.
    pub output: Vec<TensorConfig>,
    /// Present if calls are batched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic_batching: Option<DynamicBatching>,
}

/// A tensor of a [`ModelConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TensorConfig {
    /// The tensor's name.
    pub name: String,
    /// The datatype as configurations name it, such as `TYPE_FP32`.
    pub data_type: String,
    /// Dimensions without the batch; −1 for any size.
    pub dims: Vec<i64>,
    /// The dimensions of the network, if `dims` cannot express them: a scalar has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reshape: Option<Reshape>,
    /// For an input: whether a call may omit it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

impl TensorConfig {
    /// The tensor `name` with the dimensions `dims` without the batch.
    pub fn new(name: String, datatype: Datatype, dims: Vec<i64>) -> Self {
        let written = match datatype {
            Datatype::Bytes => "TYPE_STRING".to_owned(),
            datatype => format!("TYPE_{datatype}"),
        };
        // `dims` must not be empty, so a scalar is a tensor of one value that is reshaped.
        let (dims, reshape) =
            if dims.is_empty() { (vec![1], Some(Reshape { shape: Vec::new() })) } else { (dims, None) };
        Self { name, data_type: written, dims, reshape, optional: false }
    }
}

/// See [`TensorConfig::reshape`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reshape {
    /// Dimensions without the batch.
    pub shape: Vec<i64>,
}

/// See [`ModelConfig::dynamic_batching`]. It has no settings, because batching adds no delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DynamicBatching {}

/// `GET /v2/models[/{model}[/versions/{version}]]/stats`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Statistics"))]
pub struct StatisticsResponse {
    /// One entry for each model.
    pub model_stats: Vec<ModelStatistics>,
}

/// Statistics of a model since this process loaded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelStatistics {
    /// The model's name.
    pub name: String,
    /// The version that is served.
    pub version: String,
    /// The time of the last answer, in milliseconds since 1970; 0 before the first.
    pub last_inference: u64,
    /// Rows of all answered calls.
    pub inference_count: u64,
    /// Successful runs of the network, for one call or a batch of calls.
    pub execution_count: u64,
    /// Counts and times of the calls.
    pub inference_stats: InferenceStatistics,
    /// Always empty: times are not grouped by batch size.
    #[cfg_attr(feature = "schema", schemars(length(max = 0)))]
    pub batch_stats: Vec<()>,
}

/// Counts and times of all calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InferenceStatistics {
    /// Answered calls, from the queue to the answer.
    pub success: StatisticDuration,
    /// Failed calls.
    pub fail: StatisticDuration,
    /// From the queue to a run.
    pub queue: StatisticDuration,
    /// Always 0: tensors are read before a call is queued.
    pub compute_input: StatisticDuration,
    /// In a run; each call of a batch counts all of it.
    pub compute_infer: StatisticDuration,
    /// Always 0: tensors are written after the run.
    pub compute_output: StatisticDuration,
}

/// A count and a total time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "CountAndTime"))]
pub struct StatisticDuration {
    /// The count.
    pub count: u64,
    /// The total, in nanoseconds.
    pub ns: u64,
}

/// The body of `POST /v2/repository/index`, which may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IndexRequest {
    /// Whether to list only models that are ready.
    #[serde(default)]
    pub ready: bool,
}

/// A model in the answer to an [`IndexRequest`], which is a list of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IndexEntry {
    /// The model's name.
    pub name: String,
    /// The version that is served, once loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `READY`, `LOADING` or `UNAVAILABLE`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["READY", "LOADING", "UNAVAILABLE"])))]
    pub state: String,
    /// Why the model is not ready.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_configurations_names() {
        let config = |datatype| TensorConfig::new("x".to_owned(), datatype, vec![-1]).data_type;
        assert_eq!(config(Datatype::Fp32), "TYPE_FP32");
        assert_eq!(config(Datatype::Bytes), "TYPE_STRING");
        let scalar = TensorConfig::new("x".to_owned(), Datatype::Bool, vec![]);
        let json = serde_json::to_value(&scalar).expect("JSON");
        let expected = r#"{"name":"x","data_type":"TYPE_BOOL","dims":[1],"reshape":{"shape":[]}}"#;
        assert_eq!(json, serde_json::from_str::<serde_json::Value>(expected).expect("JSON"));
    }
}
