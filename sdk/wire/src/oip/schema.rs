//! Messages with tensors as schemas. They are read and written by hand, so what stands here is held to that by tests.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::MAX_ID;
use crate::tensor::MAX_NAME;
use crate::{Datatype, Tensor};

/// `InferRequest` in JSON.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code)] // a schema is all that is made of it
pub(super) struct Request {
    /// The caller's own id for the request; echoed.
    #[schemars(length(max = MAX_ID))]
    id: Option<String>,
    /// What holds for all outputs.
    parameters: Option<RequestParameters>,
    /// Input tensors, in any order.
    inputs: Vec<Tensor>,
    /// The outputs that are wanted; all of them where this is missing or empty.
    outputs: Option<Vec<WantedOutput>>,
    /// What the path says already; not read.
    model_name: Option<String>,
    /// See `model_name`.
    model_version: Option<String>,
}

/// `InferResponse` in JSON.
#[derive(JsonSchema)]
#[allow(dead_code)]
pub(super) struct Response {
    /// The model that answered.
    model_name: String,
    /// The version that answered.
    #[schemars(skip_serializing_if = "Option::is_none")]
    model_version: Option<String>,
    /// The request's id, where it had one.
    #[schemars(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Output tensors, in the order in which they were asked for.
    outputs: Vec<Tensor>,
}

/// A tensor in the JSON of a message: with its values, or with the number of its bytes behind the JSON.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("anyOf" = [{"required": ["data"]}, {"required": ["parameters"]}]))]
#[allow(dead_code)]
pub(crate) struct JsonTensor {
    /// The tensor's name.
    #[schemars(length(max = MAX_NAME))]
    name: String,
    /// The datatype of every value.
    datatype: Datatype,
    /// Dimensions, outermost first; empty for a scalar.
    shape: Vec<u64>,
    /// The values, flat in row-major order or nested as the shape is.
    #[schemars(skip_serializing_if = "Option::is_none")]
    data: Option<Values>,
    /// Where the values stand if not in `data`.
    #[schemars(skip_serializing_if = "Option::is_none")]
    parameters: Option<TensorParameters>,
}

/// Numbers, texts, truth values, or lists of them.
#[derive(JsonSchema)]
#[schemars(rename = "TensorValues", untagged)]
#[allow(dead_code)]
enum Values {
    Number(f64),
    Text(String),
    Truth(bool),
    List(Vec<Values>),
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
#[allow(dead_code)]
struct TensorParameters {
    /// How many of the bytes behind the JSON are this tensor's.
    #[schemars(skip_serializing_if = "Option::is_none")]
    binary_data_size: Option<u64>,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
#[allow(dead_code)]
struct RequestParameters {
    /// Whether outputs come as bytes behind the JSON, where nothing else is said of one.
    binary_data_output: Option<bool>,
    /// Not heeded: calls have none.
    priority: Option<u64>,
    /// Not heeded: a full queue refuses at once.
    timeout: Option<u64>,
    /// Calls are not parts of a sequence.
    #[schemars(extend("enum" = [0, "", null]))]
    sequence_id: Option<serde_json::Value>,
    /// See `sequence_id`.
    #[schemars(extend("enum" = [false, null]))]
    sequence_start: Option<bool>,
    /// See `sequence_id`.
    #[schemars(extend("enum" = [false, null]))]
    sequence_end: Option<bool>,
}

/// An output that is wanted.
#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
#[allow(dead_code)]
struct WantedOutput {
    /// The output's name.
    #[schemars(length(max = MAX_NAME))]
    name: String,
    /// What holds for this output.
    parameters: Option<OutputParameters>,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
#[allow(dead_code)]
struct OutputParameters {
    /// Whether it comes as bytes behind the JSON.
    binary_data: Option<bool>,
}

impl Datatype {
    /// The schema of one value in JSON.
    ///
    /// ```
    /// use amaas_wire::Datatype;
    ///
    /// let schema = Datatype::Uint8.value_schema(&mut schemars::SchemaGenerator::default());
    /// assert_eq!((&schema.as_value()["type"], &schema.as_value()["maximum"]), (&"integer".into(), &255.into()));
    /// ```
    pub fn value_schema(self, schemas: &mut SchemaGenerator) -> Schema {
        match self {
            Self::Bool => schemas.subschema_for::<bool>(),
            Self::Uint8 => schemas.subschema_for::<u8>(),
            Self::Uint16 => schemas.subschema_for::<u16>(),
            Self::Uint32 => schemas.subschema_for::<u32>(),
            Self::Uint64 => schemas.subschema_for::<u64>(),
            Self::Int8 => schemas.subschema_for::<i8>(),
            Self::Int16 => schemas.subschema_for::<i16>(),
            Self::Int32 => schemas.subschema_for::<i32>(),
            Self::Int64 => schemas.subschema_for::<i64>(),
            Self::Bytes => schemas.subschema_for::<String>(),
            // Only as bytes.
            Self::Bf16 => json_schema!(false),
            // Any number is taken and rounded to one that the datatype has.
            _ => json_schema!({ "type": "number" }),
        }
    }
}
