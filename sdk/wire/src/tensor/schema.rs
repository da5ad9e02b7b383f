//! The JSON schemas of tensors and of their values.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::datatype::Datatype;
use super::limits::MAX_NAME_LEN;

/// A tensor in the JSON of a message: with its values, or with the number of its bytes after the JSON.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("anyOf" = [{"required": ["data"]}, {"required": ["parameters"]}]))]
#[allow(dead_code)]
pub(super) struct JsonTensor {
    /// The tensor's name.
    #[schemars(length(max = MAX_NAME_LEN))]
    name: String,
    /// The datatype of every value.
    datatype: Datatype,
    /// Dimensions, outermost first; empty for a scalar.
    shape: Vec<u64>,
    /// The values, flat in row-major order or nested as the shape is.
    #[schemars(skip_serializing_if = "Option::is_none")]
    data: Option<JsonValues>,
    /// The place of the values if they are not in `data`.
    #[schemars(skip_serializing_if = "Option::is_none")]
    parameters: Option<TensorParameters>,
}

/// Numbers, texts, truth values, or lists of them.
#[derive(JsonSchema)]
#[schemars(rename = "TensorValues", untagged)]
#[allow(dead_code)]
enum JsonValues {
    Number(f64),
    Text(String),
    Truth(bool),
    List(Vec<JsonValues>),
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
#[allow(dead_code)]
struct TensorParameters {
    /// The number of bytes after the JSON that belong to this tensor.
    #[schemars(skip_serializing_if = "Option::is_none")]
    binary_data_size: Option<u64>,
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
            // Any number is accepted and rounded to the datatype.
            _ => json_schema!({ "type": "number" }),
        }
    }
}
