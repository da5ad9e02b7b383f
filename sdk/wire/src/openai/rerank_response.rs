//! The answer of `POST /v1/rerank`: clients of Cohere and of Jina can read it.

use serde::{Deserialize, Serialize};

use super::embeddings_response::TokenUsage;

/// The answer to a [`RerankRequest`](super::RerankRequest).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RerankResponse {
    /// The id of the answer.
    pub id: String,
    /// The model that answered.
    pub model: String,
    /// The documents, the most relevant one first.
    pub results: Vec<RerankResult>,
    /// The usage of the call, as Jina's clients read it.
    pub usage: TokenUsage,
    /// The usage of the call, as Cohere's clients read it.
    pub meta: RerankMeta,
}

/// A document with its relevance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RerankResult {
    /// The index of the document in the request.
    pub index: usize,
    /// The relevance; more is more relevant.
    pub relevance_score: f32,
    /// The document, if the request asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<RerankDocument>,
    /// Whether query and document had more tokens than the model reads, so that the relevance is that of their beginning. Written
    /// only if true.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// A document of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RerankDocument {
    /// Its text.
    pub text: String,
}

/// The usage of a call, in Cohere's terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RerankMeta {
    /// Tokens.
    pub tokens: RerankTokens,
}

/// The tokens of a call, in Cohere's terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RerankTokens {
    /// Tokens of all pairs that went through the network.
    pub input_tokens: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_written_only_if_they_are_asked_for() {
        let json = |document, truncated| {
            let result = RerankResult { index: 1, relevance_score: 0.5, document, truncated };
            serde_json::to_string(&result).expect("JSON")
        };
        assert_eq!(json(None, false), r#"{"index":1,"relevance_score":0.5}"#);
        let document = RerankDocument { text: "a".to_owned() };
        let expected = r#"{"index":1,"relevance_score":0.5,"document":{"text":"a"},"truncated":true}"#;
        assert_eq!(json(Some(document), true), expected);
    }
}
