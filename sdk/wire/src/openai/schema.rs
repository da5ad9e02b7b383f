//! The JSON schemas of the requests. They are read by hand; tests check that these schemas agree.

use schemars::JsonSchema;

use super::encoding_format::EncodingFormat;

/// `EmbeddingsRequest` in JSON.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code)] // only its schema is used
pub(super) struct JsonEmbeddingsRequest {
    /// The model's name.
    model: String,
    /// The texts. Token ids are not supported: each model has its own tokenizer.
    input: JsonTexts,
    /// The encoding of the vectors; lists of numbers by default.
    encoding_format: Option<EncodingFormat>,
    /// The length of the vectors. Only the model's own length is supported.
    dimensions: Option<u64>,
    /// Whether a text of more tokens than the model reads is cut at its end (the default) or refused.
    truncate: Option<JsonTruncate>,
    /// Texts are cut to the length that the model reads.
    #[schemars(extend("enum" = [-1, null]))]
    truncate_prompt_tokens: Option<i64>,
    /// Texts are cut at their end.
    #[schemars(extend("enum" = ["right", "Right", null]))]
    truncation_direction: Option<String>,
    /// The client's name for its end user. No effect.
    user: Option<String>,
    /// The client's metadata. No effect.
    metadata: Option<JsonObject>,
    /// There is only one tier.
    service_tier: Option<ServiceTier>,
    /// Only false: no answer is stored.
    #[schemars(extend("enum" = [false, null]))]
    store: Option<bool>,
}

/// `true` and `END` cut a text that is too long, `false` and `NONE` refuse the call.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
enum JsonTruncate {
    Flag(bool),
    End(#[schemars(extend("enum" = ["END", "NONE"]))] String),
}

/// Any object.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct JsonObject {}

/// The service tier; there is only one.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
#[allow(dead_code)]
pub(super) enum ServiceTier {
    Auto,
    Default,
}

/// One text, or a list of them.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
enum JsonTexts {
    One(String),
    Many(#[schemars(length(min = 1))] Vec<String>),
}

/// A text, or a list of one.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
pub(super) enum JsonOneText {
    Text(String),
    List([String; 1]),
}

/// `EncodedVector` in JSON: a list of numbers, or little-endian 32-bit floats in base64.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
pub(super) enum JsonVector {
    Float(Vec<f32>),
    Base64(#[schemars(extend("contentEncoding" = "base64"))] String),
}

/// Options of a streamed answer.
#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct StreamOptions {
    /// Whether a last event has the usage of the call.
    include_usage: Option<bool>,
}

/// An object without members.
#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub(super) struct JsonEmptyObject {}
