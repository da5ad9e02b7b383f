//! Requests in `OpenAI`'s shape as schemas. They are read by hand, so what stands here is held to that by tests.

use schemars::JsonSchema;

use super::EncodingFormat;

/// `EmbeddingsRequest` in JSON.
#[derive(JsonSchema)]
#[allow(dead_code)] // a schema is all that is made of it
pub(super) struct Embeddings {
    /// The model's name.
    model: String,
    /// The texts. Token ids are not taken: each model has a tokenizer of its own.
    input: Texts,
    /// How the vectors are written; as lists of numbers where nobody says.
    encoding_format: Option<EncodingFormat>,
    /// The length that the vectors should have: that of the model's, where it is there.
    dimensions: Option<u64>,
}

/// One text, or a list of them.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
enum Texts {
    One(String),
    Many(#[schemars(length(min = 1))] Vec<String>),
}

/// A text, or a list of one.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
pub(super) enum OneText {
    Text(String),
    List([String; 1]),
}

/// `EncodedVector` in JSON: a list of numbers, or little-endian 32-bit floats in base64.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
pub(super) enum Vector {
    Float(Vec<f32>),
    Base64(#[schemars(extend("contentEncoding" = "base64"))] String),
}

/// What a streamed answer tells beside the text.
#[derive(JsonSchema)]
#[schemars(inline)]
#[allow(dead_code)]
pub(super) struct StreamOptions {
    /// Whether a last event tells what the call is counted as.
    include_usage: Option<bool>,
}

/// An object without members.
#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub(super) struct Nothing {}
