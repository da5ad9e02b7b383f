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
    /// The texts, or their token ids.
    input: JsonEmbeddingInput,
    /// The encoding of the vectors; lists of numbers by default.
    encoding_format: Option<EncodingFormat>,
    /// The length of the vectors. Pipelines cut a vector and normalise it; other models take their own length only.
    dimensions: Option<u64>,
    /// The name of a prompt of the model, which is put before each text.
    prompt_name: Option<String>,
    /// Whether a text of more tokens than the model reads is cut at its end (the default) or refused.
    truncate: Option<JsonTruncate>,
    /// Another name of `truncate`.
    truncation: Option<JsonTruncate>,
    /// Texts are cut to the length that the model reads.
    #[schemars(extend("enum" = [-1, null]))]
    truncate_prompt_tokens: Option<i64>,
    /// Texts are cut at their end.
    #[schemars(extend("enum" = ["right", "Right", null]))]
    truncation_direction: Option<String>,
    /// The client's name for its end user. No effect.
    user: Option<String>,
    /// The client's id for its end user. No effect.
    safety_identifier: Option<String>,
    /// The client's key for a cache of prompts. No effect.
    prompt_cache_key: Option<String>,
    /// The client's metadata. No effect.
    metadata: Option<JsonObject>,
    /// There is only one tier.
    service_tier: Option<ServiceTier>,
    /// Whether the client would like the answer to be stored. No effect: no answer is stored.
    store: Option<bool>,
}

/// `RerankRequest` in JSON.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct JsonRerankRequest {
    /// The model's name.
    model: String,
    /// The query.
    query: String,
    /// The documents to rank.
    #[schemars(length(min = 1))]
    documents: Vec<JsonDocument>,
    /// The number of most relevant documents in the answer; all by default.
    #[schemars(range(min = 1))]
    top_n: Option<u64>,
    /// Whether the answer repeats the text of each document.
    return_documents: Option<bool>,
    /// Whether a pair of more tokens than the model reads is cut (the default) or refused.
    truncate: Option<JsonTruncate>,
    /// Another name of `truncate`.
    truncation: Option<JsonTruncate>,
    /// The client's name for its end user. No effect.
    user: Option<String>,
    /// The client's id for its end user. No effect.
    safety_identifier: Option<String>,
    /// The client's key for a cache of prompts. No effect.
    prompt_cache_key: Option<String>,
    /// The client's metadata. No effect.
    metadata: Option<JsonObject>,
    /// There is only one tier.
    service_tier: Option<ServiceTier>,
    /// Whether the client would like the answer to be stored. No effect: no answer is stored.
    store: Option<bool>,
}

/// A document: a text, or an object with the text.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
enum JsonDocument {
    Text(String),
    Object(super::rerank_response::RerankDocument),
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

/// One text, a list of texts, the token ids of a text, or a list of those.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
enum JsonEmbeddingInput {
    Text(String),
    Texts(#[schemars(length(min = 1))] Vec<String>),
    TokenIds(#[schemars(length(min = 1))] Vec<u32>),
    ListsOfTokenIds(#[schemars(length(min = 1))] Vec<JsonTokenIds>),
}

/// The token ids of a text.
#[derive(JsonSchema)]
#[schemars(inline)]
#[allow(dead_code)]
struct JsonTokenIds(#[schemars(length(min = 1))] Vec<u32>);

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
