//! Input and prediction of text generators.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// The input of a text generator: a prompt and options. In JSON it is an object, or a string for a prompt without options.
///
/// ```
/// use amaas_wire::task::Prompt;
///
/// let prompt = Prompt::new("ROMEO:\n").max_tokens(40).temperature(0.8).seed(7).stop("\n\n");
/// let json = r#"{"prompt":"ROMEO:\n","max_tokens":40,"temperature":0.8,"seed":7,"stop":["\n\n"]}"#;
/// assert_eq!(serde_json::to_string(&prompt)?, json);
/// assert_eq!(serde_json::from_str::<Prompt>(json)?, prompt);
/// assert_eq!(serde_json::from_str::<Prompt>(r#""ROMEO:""#)?, Prompt::new("ROMEO:"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "JsonPrompt"))]
pub struct Prompt {
    /// The text.
    pub prompt: String,
    /// The most tokens to generate; [`Prompt::DEFAULT_MAX_TOKENS`] by default, and never more than the context window has room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Sampling temperature, 0 to 2: 0 is greedy decoding, 1 (the default) samples from the model's own distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus sampling: only the most probable tokens whose probabilities add up to this are sampled from. 1 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// The same seed and prompt give the same text, with the same version on the same kind of machine. Random by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Stop sequences, at most [`Prompt::MAX_STOPS`] of [`Prompt::MAX_STOP_LEN`] bytes each. Generation ends before the first match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
}

impl Prompt {
    /// The default of `max_tokens`.
    pub const DEFAULT_MAX_TOKENS: u64 = 16;
    /// The most stop sequences.
    pub const MAX_STOPS: usize = 4;
    /// The most bytes of UTF-8 of a stop sequence. Each generated token is compared with all of them.
    pub const MAX_STOP_LEN: usize = 256;

    /// `text` with default options.
    pub fn new(text: impl Into<String>) -> Self {
        Self { prompt: text.into(), ..Self::default() }
    }

    /// Sets the most tokens to generate.
    #[must_use]
    pub fn max_tokens(self, tokens: u64) -> Self {
        Self { max_tokens: Some(tokens), ..self }
    }

    /// Sets the sampling temperature; 0 is greedy decoding.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        Self { temperature: Some(temperature), ..self }
    }

    /// Sets nucleus sampling: only the most probable tokens whose probabilities add up to `probability` are sampled from.
    #[must_use]
    pub fn top_p(self, probability: f64) -> Self {
        Self { top_p: Some(probability), ..self }
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(self, seed: i64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Adds a stop sequence.
    #[must_use]
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.stop.push(text.into());
        self
    }

    /// Checks that every member is within its bounds.
    ///
    /// # Errors
    /// The member at fault and what was expected, never text of the payload.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let within = |name: &'static str, value: Option<f64>, least: &str, most: f64, above: bool| match value {
            Some(value) if !(0.0..=most).contains(&value) || (above && value == 0.0) => {
                Err((name, format!("{name}: expected a number {least} to {most}, got {value}")))
            }
            _ => Ok(()),
        };
        within("temperature", self.temperature, "from 0", 2.0, false)?;
        within("top_p", self.top_p, "above 0 and up", 1.0, true)?;
        if self.max_tokens == Some(0) {
            return Err(("max_tokens", "max_tokens: expected 1 or more, got 0".to_owned()));
        }
        let most = Self::MAX_STOPS;
        if self.stop.len() > most {
            return Err(("stop", format!("stop: expected at most {most} texts, got {}", self.stop.len())));
        }
        if self.stop.iter().any(String::is_empty) {
            return Err(("stop", "stop: expected texts of one character or more, got an empty one".to_owned()));
        }
        let most = Self::MAX_STOP_LEN;
        if let Some(long) = self.stop.iter().find(|stop| stop.len() > most) {
            return Err(("stop", format!("stop: expected texts of at most {most} bytes, got one of {}", long.len())));
        }
        Ok(())
    }
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&Self> for Prompt {
    fn from(prompt: &Self) -> Self {
        prompt.clone()
    }
}

/// The prediction of a text generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Generation {
    /// The generated text, without the prompt.
    pub text: String,
    /// Why generation ended.
    pub finish_reason: FinishReason,
    /// Tokens of the prompt, special tokens included.
    pub prompt_tokens: u64,
    /// Generated tokens.
    pub completion_tokens: u64,
}

impl Generation {
    /// `text` of `completion_tokens` tokens, generated for a prompt of `prompt_tokens`.
    pub fn new(
        text: impl Into<String>,
        finish_reason: FinishReason,
        prompt_tokens: u64,
        completion_tokens: u64,
    ) -> Self {
        Self { text: text.into(), finish_reason, prompt_tokens, completion_tokens }
    }
}

/// Why generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum FinishReason {
    /// The model ended the text, or a stop sequence matched.
    Stop,
    /// The most tokens were generated that the request allows, or that the context window has room for.
    Length,
    /// A reason that this version of the crate does not know. No service of this version sends it.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Other,
}

/// The two forms of a prompt in JSON, for its schema.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged, rename = "Prompt")]
#[allow(dead_code)] // read by `schemars` alone
enum JsonPrompt {
    /// The text alone.
    Text(String),
    Object(PromptMembers),
}

/// Reads either form directly. Reading into a generic value first would take many times the memory of the body.
impl<'de> Deserialize<'de> for Prompt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PromptVisitor;

        impl<'de> Visitor<'de> for PromptVisitor {
            type Value = Prompt;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or an object with a text as \"prompt\" and numbers as its options")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Prompt, E> {
                Ok(Prompt::new(text))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Prompt, E> {
                Ok(Prompt::new(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Prompt, A::Error> {
                PromptMembers::deserialize(MapAccessDeserializer::new(members)).map(Prompt::from)
            }
        }

        deserializer.deserialize_any(PromptVisitor)
    }
}

/// A prompt with options.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields)]
struct PromptMembers {
    /// The text.
    prompt: String,
    /// The most tokens to generate; 16 by default, and never more than the context window has room for.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    max_tokens: Option<u64>,
    /// Sampling temperature, 0 to 2: 0 is greedy decoding, 1 (the default) samples from the model's own distribution.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 2)))]
    temperature: Option<f64>,
    /// Nucleus sampling: only the most probable tokens whose probabilities add up to this are sampled from. 1 by default.
    #[cfg_attr(feature = "schema", schemars(range(max = 1), extend("exclusiveMinimum" = 0)))]
    top_p: Option<f64>,
    /// The same seed and prompt give the same text, with the same version on the same kind of machine. Random by default.
    seed: Option<i64>,
    /// Stop sequences: a text, or up to four. Generation ends before the first match.
    stop: Option<StopSequences>,
}

// No description: its place in the schema is a member that has one.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline, untagged))]
pub(crate) enum StopSequences {
    One(#[cfg_attr(feature = "schema", schemars(length(min = 1, max = Prompt::MAX_STOP_LEN)))] String),
    Many(
        #[cfg_attr(
            feature = "schema",
            schemars(length(max = Prompt::MAX_STOPS), inner(length(min = 1, max = Prompt::MAX_STOP_LEN)))
        )]
        Vec<String>,
    ),
}

/// Reads up to the most stop sequences, and only counts the entries after them.
impl<'de> Deserialize<'de> for StopSequences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StopsVisitor;

        impl<'de> Visitor<'de> for StopsVisitor {
            type Value = StopSequences;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<StopSequences, E> {
                Ok(StopSequences::One(text.to_owned()))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<StopSequences, E> {
                Ok(StopSequences::One(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<StopSequences, A::Error> {
                let mut stops = Vec::new();
                while stops.len() < Prompt::MAX_STOPS {
                    let Some(stop) = list.next_element()? else { return Ok(StopSequences::Many(stops)) };
                    stops.push(stop);
                }
                let mut got = stops.len();
                while list.next_element::<IgnoredAny>()?.is_some() {
                    got += 1;
                }
                let most = Prompt::MAX_STOPS;
                if got > most {
                    return Err(A::Error::invalid_length(got, &format!("at most {most} texts").as_str()));
                }
                Ok(StopSequences::Many(stops))
            }
        }

        deserializer.deserialize_any(StopsVisitor)
    }
}

impl From<StopSequences> for Vec<String> {
    fn from(stops: StopSequences) -> Self {
        match stops {
            StopSequences::One(stop) => vec![stop],
            StopSequences::Many(stops) => stops,
        }
    }
}

impl From<PromptMembers> for Prompt {
    fn from(members: PromptMembers) -> Self {
        let PromptMembers { prompt, max_tokens, temperature, top_p, seed, stop } = members;
        Self { prompt, max_tokens, temperature, top_p, seed, stop: stop.map(Vec::from).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_out_of_bounds_are_named() {
        let good = Prompt::new("a").temperature(0.0).top_p(1.0).max_tokens(1).stop("\n");
        assert_eq!(good.check(), Ok(()));
        for (prompt, member) in [
            (good.clone().temperature(2.1), "temperature"),
            (good.clone().temperature(-0.1), "temperature"),
            (good.clone().temperature(f64::NAN), "temperature"),
            (good.clone().top_p(0.0), "top_p"),
            (good.clone().top_p(1.1), "top_p"),
            (good.clone().max_tokens(0), "max_tokens"),
            (good.clone().stop(""), "stop"),
            (good.clone().stop("a").stop("b").stop("c").stop("d"), "stop"),
            (good.clone().stop("a".repeat(Prompt::MAX_STOP_LEN + 1)), "stop"),
        ] {
            assert_eq!(prompt.check().expect_err(member).0, member);
        }
    }

    #[test]
    fn a_stop_of_the_largest_size_is_taken_and_one_of_a_byte_more_is_named() {
        let stop = |bytes: usize| Prompt::new("a").stop("é".repeat(bytes / 2) + &"e".repeat(bytes % 2)).check();
        assert_eq!(stop(Prompt::MAX_STOP_LEN), Ok(()));
        let (member, message) = stop(Prompt::MAX_STOP_LEN + 1).expect_err("too long");
        assert_eq!((member, message.as_str()), ("stop", "stop: expected texts of at most 256 bytes, got one of 257"));
    }

    #[test]
    fn other_members_are_refused() {
        assert!(serde_json::from_str::<Prompt>(r#"{"prompt":"a","stop":"b"}"#).is_ok());
        for (wrong, expected) in [
            ("7", "expected a text, or an object with a text as \"prompt\""),
            (r#"["a"]"#, "expected a text, or an object with a text as \"prompt\""),
            (r#"{"max_tokens":1}"#, "missing field `prompt`"),
            (r#"{"prompt":"a","tokens":1}"#, "unknown field `tokens`"),
            (r#"{"prompt":["a"]}"#, "expected a string"),
            (r#"{"prompt":"a","stop":7}"#, "expected a text or a list of texts"),
            (r#"{"prompt":"a","stop":["a","b","c","d","e",[]]}"#, "invalid length 6, expected at most 4 texts"),
        ] {
            let error = serde_json::from_str::<Prompt>(wrong).expect_err(wrong);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
