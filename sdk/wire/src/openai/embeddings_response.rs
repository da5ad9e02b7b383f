//! The answer of `POST /v1/embeddings`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use super::encoding_format::EncodingFormat;

/// The answer to an [`EmbeddingsRequest`](super::EmbeddingsRequest).
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
    /// The usage of the call.
    pub usage: TokenUsage,
}

/// The vector of one text.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmbeddingEntry {
    /// Always `embedding`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "embedding")))]
    pub object: &'static str,
    /// The index of the text in the request.
    pub index: usize,
    /// The vector.
    pub embedding: EncodedVector,
    /// Whether the text was longer than the model reads, so that the vector is that of its beginning. Written only if true:
    /// other answers have no member that `OpenAI`'s do not have.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// A vector, as the request asked for it.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "super::schema::JsonVector"))]
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

/// The usage of a call, in `OpenAI`'s terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenUsage {
    /// Tokens of the texts that went through the network, those that begin and end a text included.
    pub prompt_tokens: u64,
    /// The same number: embeddings generate no tokens.
    pub total_tokens: u64,
}

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
