//! The answer of `POST /v1/completions`.

use serde::{Deserialize, Serialize};

use crate::task::FinishReason;

/// The answer to a [`CompletionsRequest`](super::CompletionsRequest), or one event of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CompletionsResponse<'a> {
    /// The answer's own id, the same in every event of it.
    pub id: &'a str,
    /// Always `text_completion`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "text_completion")))]
    pub object: &'static str,
    /// When it was begun, in seconds since 1970.
    pub created: u64,
    /// The model that answers.
    pub model: &'a str,
    /// One text, or none in the event that only tells the usage.
    pub choices: Vec<Completion>,
    /// What the call is counted as.
    #[serde(skip_serializing_if = "UsageSoFar::is_untold")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<CompletionUsage>"))]
    pub usage: UsageSoFar,
}

/// What an answer, or an event of it, tells of its usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum UsageSoFar {
    /// Nothing: there is no such member.
    #[default]
    Untold,
    /// That it will be told in the last event: `null`, as `OpenAI` writes it.
    Later,
    /// All of it.
    Whole(CompletionUsage),
}

impl UsageSoFar {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
    fn is_untold(&self) -> bool {
        *self == Self::Untold
    }
}

/// A text of a [`CompletionsResponse`], or a piece of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Completion {
    /// The text.
    pub text: String,
    /// Always 0: there is one text.
    #[cfg_attr(feature = "schema", schemars(extend("const" = 0)))]
    pub index: u64,
    /// The chances of its tokens, where they were asked for.
    pub logprobs: Option<Logprobs>,
    /// Why it ends, where it does.
    pub finish_reason: Option<FinishReason>,
}

/// The chances of tokens, as the network gave them: before temperature and `top_p`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Logprobs {
    /// What each token adds to the text. One that adds nothing of its own has another name: `bytes:\\xf0` where its bytes are no whole
    /// character, its name in the vocabulary where it is a special one.
    pub tokens: Vec<String>,
    /// The natural logarithm of the chance of each, −9999 for none.
    pub token_logprobs: Vec<f64>,
    /// The most probable tokens in the place of each, as many as were asked for, by the same names.
    pub top_logprobs: Vec<std::collections::BTreeMap<String, f64>>,
    /// Where the text of each begins in the answer, in characters.
    pub text_offset: Vec<usize>,
}

/// What a call is counted as, in `OpenAI`'s words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CompletionUsage {
    /// Tokens of the prompt, what begins a text included.
    pub prompt_tokens: u64,
    /// Tokens that were made.
    pub completion_tokens: u64,
    /// Both.
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
        assert_eq!(json(UsageSoFar::Untold), None);
        assert_eq!(json(UsageSoFar::Later), Some(serde_json::Value::Null));
        let usage = CompletionUsage { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
        assert_eq!(json(UsageSoFar::Whole(usage)), Some(serde_json::to_value(usage).expect("JSON")));
    }
}
