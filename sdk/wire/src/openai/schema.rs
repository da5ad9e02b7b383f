//! Requests in `OpenAI`'s shape as schemas. They are read by hand, so what stands here is held to that by tests.

use schemars::JsonSchema;

use super::EncodingFormat;

/// `EmbeddingsRequest` in JSON.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
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
    /// Whether a text of more tokens than the model reads is cut at its end, which is the default, or refused.
    truncate: Option<Truncate>,
    /// Texts are cut to what the model reads.
    #[schemars(extend("enum" = [-1, null]))]
    truncate_prompt_tokens: Option<i64>,
    /// Texts are cut at their end.
    #[schemars(extend("enum" = ["right", "Right", null]))]
    truncation_direction: Option<String>,
    /// The caller's own name for whom it asks; no answer depends on it.
    user: Option<String>,
    /// The caller's own notes; no answer depends on them.
    metadata: Option<Notes>,
    /// There is one tier.
    service_tier: Option<Tier>,
    /// No answer is kept.
    #[schemars(extend("enum" = [false, null]))]
    store: Option<bool>,
}

/// What is done with a text that is too long: `true` and `END` cut it, `false` and `NONE` have the call refused.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
enum Truncate {
    Flag(bool),
    End(#[schemars(extend("enum" = ["END", "NONE"]))] String),
}

/// Any object.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Notes {}

/// How soon and for what price; there is one.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
#[allow(dead_code)]
pub(super) enum Tier {
    Auto,
    Default,
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
#[schemars(inline, deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct StreamOptions {
    /// Whether a last event tells what the call is counted as.
    include_usage: Option<bool>,
}

/// An object without members.
#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub(super) struct Nothing {}
