//! Metadata of the server and of models.

use serde::{Deserialize, Serialize};

use super::stated::StatedDatatype;

/// `GET /v2`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ServerMetadata {
    /// The server's name.
    pub name: String,
    /// The server's version.
    pub version: String,
    /// Protocol extensions that it supports.
    pub extensions: Vec<String>,
}

/// `GET /v2/models/{model}[/versions/{version}]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ModelMetadata {
    /// The model's name.
    pub name: String,
    /// The versions that this server serves.
    pub versions: Vec<String>,
    /// Framework and format, `onnxruntime_onnx`.
    pub platform: String,
    /// Input tensors.
    pub inputs: Vec<TensorMetadata>,
    /// Output tensors.
    pub outputs: Vec<TensorMetadata>,
}

/// Name, datatype and shape of an input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TensorMetadata {
    /// The tensor's name.
    pub name: String,
    /// The datatype of every value.
    #[cfg_attr(feature = "schema", schemars(with = "crate::tensor::Datatype"))]
    pub datatype: StatedDatatype,
    /// Dimensions, outermost first; −1 for any size.
    pub shape: Vec<i64>,
}
