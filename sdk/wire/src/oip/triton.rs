//! What Triton's clients ask for beyond the protocol: a model's configuration, its statistics and an index of models.
//!
//! Sources: `extension_model_configuration.md`, `extension_statistics.md` and `extension_model_repository.md` of Triton. Only
//! members that mean something here are written; where the extension demands one that does not, its doc says so.

use serde::{Deserialize, Serialize};

use crate::Datatype;

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
    /// The most rows of a call; 0 where the first dimension is not the batch.
    pub max_batch_size: u64,
    /// Input tensors.
    pub input: Vec<TensorConfig>,
    /// Output tensors.
    pub output: Vec<TensorConfig>,
    /// Present where rows of different calls share a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic_batching: Option<DynamicBatching>,
}

/// A tensor of a [`ModelConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TensorConfig {
    /// The tensor's name.
    pub name: String,
    /// The datatype in the configuration's own words, such as `TYPE_FP32`.
    pub data_type: String,
    /// Dimensions without the batch; −1 stands for any size.
    pub dims: Vec<i64>,
    /// The dimensions that the network has, where the configuration's language cannot say them in `dims`: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reshape: Option<Reshape>,
    /// Of an input: whether a call may leave it out.
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
        // `dims` must not be empty, so a tensor without dimensions is one of a single value that is reshaped.
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

/// See [`ModelConfig::dynamic_batching`]. It has no settings: there is no delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DynamicBatching {}

/// `GET /v2/models[/{model}[/versions/{version}]]/stats`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Statistics {
    /// One entry for each model.
    pub model_stats: Vec<ModelStatistics>,
}

/// What happened to a model since it was loaded in this process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelStatistics {
    /// The model's name.
    pub name: String,
    /// The version that is served.
    pub version: String,
    /// When the last call was answered, in milliseconds since 1970; 0 where none was.
    pub last_inference: u64,
    /// Rows of all calls that were answered.
    pub inference_count: u64,
    /// Runs of the network that gave outputs, of one call or of several together.
    pub execution_count: u64,
    /// Calls, and where their time went.
    pub inference_stats: InferenceStatistics,
    /// Always empty: times are not kept apart by the size of a run.
    #[cfg_attr(feature = "schema", schemars(length(max = 0)))]
    pub batch_stats: Vec<()>,
}

/// Counts and times of all calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InferenceStatistics {
    /// Calls that were answered, from the queue to the answer.
    pub success: Duration,
    /// Calls that were not.
    pub fail: Duration,
    /// From the queue to a run.
    pub queue: Duration,
    /// Always 0: tensors are read before a call is queued.
    pub compute_input: Duration,
    /// In a run; calls that share one have all of it.
    pub compute_infer: Duration,
    /// Always 0: tensors are written after the run.
    pub compute_output: Duration,
}

/// How often, and how long in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "CountAndTime"))]
pub struct Duration {
    /// How often.
    pub count: u64,
    /// Nanoseconds.
    pub ns: u64,
}

/// The body of `POST /v2/repository/index`, which may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IndexRequest {
    /// Whether only models that are ready are wanted.
    #[serde(default)]
    pub ready: bool,
}

/// A model in the answer to an [`IndexRequest`], which is a list of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IndexEntry {
    /// The model's name.
    pub name: String,
    /// The version that is served, once it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `READY`, `LOADING` or `UNAVAILABLE`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["READY", "LOADING", "UNAVAILABLE"])))]
    pub state: String,
    /// Why it is not ready.
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
