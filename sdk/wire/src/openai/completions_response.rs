//! The answer of `POST /v1/completions`.

use serde::{Deserialize, Serialize};

use crate::task::FinishReason;

/// The answer to a [`CompletionsRequest`](super::CompletionsRequest), or one event of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CompletionsResponse<'a> {
    /// The id of the answer, the same in all its events.
    pub id: &'a str,
    /// Always `text_completion`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "text_completion")))]
    pub object: &'static str,
    /// The start of the answer, in seconds since 1970.
    pub created: u64,
    /// The model that answers.
    pub model: &'a str,
    /// One text, or none in the event that has only the usage.
    pub choices: Vec<CompletionChoice>,
    /// The usage of the call.
    #[serde(skip_serializing_if = "StreamedUsage::is_omitted")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<CompletionUsage>"))]
    pub usage: StreamedUsage,
}

/// The usage in an answer, or in an event of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum StreamedUsage {
    /// No member.
    #[default]
    Omitted,
    /// `null`, as `OpenAI` writes it: the last event has the usage.
    Later,
    /// The usage.
    Whole(CompletionUsage),
}

impl StreamedUsage {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
    fn is_omitted(&self) -> bool {
        *self == Self::Omitted
    }
}

/// A text of a [`CompletionsResponse`], or a piece of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Completion"))]
pub struct CompletionChoice {
    /// The text.
    pub text: String,
    /// Always 0: there is one text.
    #[cfg_attr(feature = "schema", schemars(extend("const" = 0)))]
    pub index: u64,
    /// The log probabilities of its tokens, if the request asks for them.
    pub logprobs: Option<TokenLogprobs>,
    /// Why generation ended, if it did.
    pub finish_reason: Option<FinishReason>,
}

/// The log probabilities of tokens, before temperature and `top_p`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Logprobs"))]
pub struct TokenLogprobs {
    /// The text of each token. A token that is an incomplete character is written as its bytes, `bytes:\\xf0`, and a special token as
    /// its name in the vocabulary.
    pub tokens: Vec<String>,
    /// The log probability of each token, −9999 for a probability of 0.
    pub token_logprobs: Vec<f64>,
    /// The most probable tokens at each position, as many as the request asks for, by the same names.
    pub top_logprobs: Vec<std::collections::BTreeMap<String, f64>>,
    /// The offset of each token in the answer, in characters.
    pub text_offset: Vec<usize>,
}

/// The usage of a call, in `OpenAI`'s terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CompletionUsage {
    /// Tokens of the prompt, special tokens included.
    pub prompt_tokens: u64,
    /// Generated tokens.
    pub completion_tokens: u64,
    /// The sum of both.
    pub total_tokens: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_told_later_or_not_at_all() {
        let json = |usage| {
            let response = CompletionsResponse {
                id: "a",
                object: "text_completion",
                created: 1,
                model: "m",
                choices: vec![],
                usage,
            };
            serde_json::to_value(response).expect("JSON").get("usage").cloned()
        };
        assert_eq!(json(StreamedUsage::Omitted), None);
        assert_eq!(json(StreamedUsage::Later), Some(serde_json::Value::Null));
        let usage = CompletionUsage { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
        assert_eq!(json(StreamedUsage::Whole(usage)), Some(serde_json::to_value(usage).expect("JSON")));
    }
}
