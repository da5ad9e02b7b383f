//! `OpenAI`'s shapes: `POST /v1/embeddings`, `POST /v1/completions`, and the error object of its routes.
//!
//! What is not here is not taken, but refused by name: a member that is not heeded would be another answer than was asked for. So
//! are arrays of token ids, which mean something to one tokenizer only and would be misread by another.

mod completion;
mod completions;
mod embeddings;
mod plain;
mod prompt;
#[cfg(feature = "schema")]
mod schema;

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

pub use self::completion::{Completion, CompletionUsage, CompletionsResponse, Logprobs, UsageSoFar};
pub use self::completions::{CompletionsRequest, Delivery};
pub use self::embeddings::{EmbeddingsRequest, EncodingFormat, Truncation};
use crate::json::Fault;

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// The member at fault, where it is one.
    pub param: Option<Cow<'static, str>>,
    /// What was expected and what arrived.
    pub message: String,
}

impl RequestError {
    /// That `body` cannot be read, which `error` is about.
    fn unread(body: &[u8], error: &serde_json::Error) -> Self {
        let Fault { message, member } = Fault::of(body, error);
        Self { param: member.map(Cow::Owned), message }
    }

    fn missing(param: &'static str) -> Self {
        Self::of(param, format!("missing member {param:?}"))
    }

    fn of(param: &'static str, message: String) -> Self {
        Self { param: Some(Cow::Borrowed(param)), message }
    }
}

/// What stands where a text is expected and nothing but texts is taken: what other services take there, and what to do.
const TEXT_ONLY: &str = "a text (token ids are not taken here: each model has a tokenizer of its own; LangChain's OpenAIEmbeddings \
                         sends texts with check_embedding_ctx_length=False)";

/// The answer to an [`EmbeddingsRequest`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmbeddingsResponse {
    /// Always `list`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    pub object: &'static str,
    /// One entry for each text, in their order.
    pub data: Vec<EmbeddingEntry>,
    /// The model that answered.
    pub model: String,
    /// What the call is counted as.
    pub usage: TokenUsage,
}

/// The vector of one text.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmbeddingEntry {
    /// Always `embedding`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "embedding")))]
    pub object: &'static str,
    /// The place of the text in the request.
    pub index: usize,
    /// The vector.
    pub embedding: EncodedVector,
    /// Written only where it is true, so that other answers are `OpenAI`'s to the letter: the text was longer than the
    /// model reads, and the vector is that of its beginning.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// A vector, as the request asked for it.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "schema::Vector"))]
pub struct EncodedVector {
    /// The vector.
    pub values: Vec<f32>,
    /// How it is written.
    pub format: EncodingFormat,
}

impl Serialize for EncodedVector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.format {
            EncodingFormat::Float => {
                let mut list = serializer.serialize_seq(Some(self.values.len()))?;
                self.values.iter().try_for_each(|value| list.serialize_element(value))?;
                list.end()
            }
            EncodingFormat::Base64 => {
                let bytes: Vec<u8> = self.values.iter().flat_map(|value| value.to_le_bytes()).collect();
                serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
            }
        }
    }
}

/// What a call is counted as, in `OpenAI`'s words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenUsage {
    /// Tokens of the texts that went through the network, those that begin and end a text included.
    pub prompt_tokens: u64,
    /// The same number: embeddings make no tokens.
    pub total_tokens: u64,
}

/// The body of every error on `OpenAI`'s routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OpenAiError"))]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorObject,
}

/// What went wrong, as `OpenAI`'s clients read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OpenAiErrorObject"))]
pub struct ErrorObject {
    /// What was wrong, expected and got, in this case.
    pub message: String,
    /// The class, such as `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The member of the request at fault, where it is one.
    pub param: Option<String>,
    /// A stable name of the kind of error.
    pub code: Option<String>,
}

/// Refuses a name of a model that is longer than any is. What is unknown is named in an error, and kept for the log.
fn bounded_model(model: &str) -> Result<(), RequestError> {
    let got = model.len();
    if got <= MAX_MODEL {
        return Ok(());
    }
    Err(RequestError::of("model", format!("model: expected at most {MAX_MODEL} bytes, got {got}")))
}

/// Bytes of the name of a model.
const MAX_MODEL: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_lists_or_little_endian_base64() {
        let entry = |format, truncated| EmbeddingEntry {
            object: "embedding",
            index: 1,
            embedding: EncodedVector { values: vec![1.0, -0.5], format },
            truncated,
        };
        let json = |entry| serde_json::to_string(&entry).expect("JSON");
        let float = json(entry(EncodingFormat::Float, false));
        assert_eq!(float, r#"{"object":"embedding","index":1,"embedding":[1.0,-0.5]}"#);
        let base64 = json(entry(EncodingFormat::Base64, true));
        assert_eq!(base64, r#"{"object":"embedding","index":1,"embedding":"AACAPwAAAL8=","truncated":true}"#);
    }
}
