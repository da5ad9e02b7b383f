//! The request to infer and its answer.

use crate::tensor::Tensor;

/// `POST /v2/models/{model}[/versions/{version}]/infer`.
///
/// ```
/// use amaas_wire::{Tensor, TensorData, oip::InferRequest};
///
/// let body = br#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[0.5,1]}]}"#;
/// let request = InferRequest::from_json(body)?;
/// assert_eq!(request.inputs[0].data(), &TensorData::from(vec![0.5_f32, 1.0]));
/// # Ok::<(), amaas_wire::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "super::schema::JsonInferRequest"))]
pub struct InferRequest {
    /// The client's id for the request, which the answer repeats.
    pub id: Option<String>,
    /// Input tensors, in any order.
    pub inputs: Vec<Tensor>,
    /// Names of the requested outputs; `None` for all of them.
    pub outputs: Option<Vec<String>>,
}

/// The answer to an [`InferRequest`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "super::schema::JsonInferResponse"))]
pub struct InferResponse {
    /// The model that answered.
    pub model_name: String,
    /// The version that answered.
    pub model_version: Option<String>,
    /// The id of the request, if it has one.
    pub id: Option<String>,
    /// Output tensors.
    pub outputs: Vec<Tensor>,
}
