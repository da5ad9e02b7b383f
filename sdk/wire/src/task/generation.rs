//! What a generator takes and answers.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// A text to go on with, and how: the input of a generator. In JSON it is an object, or a string where only the text matters.
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "Form"))]
pub struct Prompt {
    /// The text.
    pub prompt: String,
    /// The most tokens that are made; [`Prompt::MAX_TOKENS`] where nobody says, or as many as the model has room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// 0 for the most probable token each time, 1 (the default) for the model's own chances, up to 2 for more surprise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Only the most probable tokens whose chances add up to this are drawn from; 1 where nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// The same seed and prompt give the same text, of the same version on the same kind of machine. Random where nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Texts, [`Prompt::MOST_STOPS`] at most, of [`Prompt::MAX_STOP_BYTES`] each, any of which ends the answer before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
}

impl Prompt {
    /// What `max_tokens` is where nobody says.
    pub const MAX_TOKENS: u64 = 16;
    /// How many `stop` may be.
    pub const MOST_STOPS: usize = 4;
    /// How many bytes of UTF-8 each `stop` may have: every token that is made is compared with all of them.
    pub const MAX_STOP_BYTES: usize = 256;

    /// `text`, to be gone on with in the usual way.
    pub fn new(text: impl Into<String>) -> Self {
        Self { prompt: text.into(), ..Self::default() }
    }

    /// At most so many tokens.
    #[must_use]
    pub fn max_tokens(self, tokens: u64) -> Self {
        Self { max_tokens: Some(tokens), ..self }
    }

    /// With this temperature: 0 takes the most probable token each time.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        Self { temperature: Some(temperature), ..self }
    }

    /// Drawn from the most probable tokens only, whose chances add up to `chance`.
    #[must_use]
    pub fn top_p(self, chance: f64) -> Self {
        Self { top_p: Some(chance), ..self }
    }

    /// Drawn with this seed.
    #[must_use]
    pub fn seed(self, seed: i64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Ended before `text`, once more for each text.
    #[must_use]
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.stop.push(text.into());
        self
    }

    /// Whether every member is one that a generator takes.
    ///
    /// # Errors
    /// The member at fault, and what was expected; never a text of the payload.
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
        let most = Self::MOST_STOPS;
        if self.stop.len() > most {
            return Err(("stop", format!("stop: expected at most {most} texts, got {}", self.stop.len())));
        }
        if self.stop.iter().any(String::is_empty) {
            return Err(("stop", "stop: expected texts of one character or more, got an empty one".to_owned()));
        }
        let most = Self::MAX_STOP_BYTES;
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

/// What a generator answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Generation {
    /// What goes on behind the prompt.
    pub text: String,
    /// Why it ends there.
    pub finish_reason: FinishReason,
    /// Tokens of the prompt, what begins a text included.
    pub prompt_tokens: u64,
    /// Tokens that were made.
    pub completion_tokens: u64,
}

impl Generation {
    /// `text`, made by `completion_tokens` tokens behind a prompt of `prompt_tokens`.
    pub fn new(
        text: impl Into<String>,
        finish_reason: FinishReason,
        prompt_tokens: u64,
        completion_tokens: u64,
    ) -> Self {
        Self { text: text.into(), finish_reason, prompt_tokens, completion_tokens }
    }
}

/// Why a generated text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum FinishReason {
    /// The model ended it, or one of the texts in `stop` came.
    Stop,
    /// As many tokens were made as were asked for, or as the model has room for.
    Length,
    /// A reason that this version of the crate does not know. No service of this version gives it.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Other,
}

/// The forms of a prompt in JSON, for its schema.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged, rename = "Prompt")]
#[allow(dead_code)] // read by `schemars` alone
enum Form {
    /// The text alone.
    Text(String),
    Object(Members),
}

/// Reads either form as it comes: what is read first and judged later takes many times the body's memory.
impl<'de> Deserialize<'de> for Prompt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
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
                Members::deserialize(MapAccessDeserializer::new(members)).map(Prompt::from)
            }
        }

        deserializer.deserialize_any(Forms)
    }
}

/// A text to go on with, and how.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields)]
struct Members {
    /// The text.
    prompt: String,
    /// The most tokens that are made; 16 where nobody says, or as many as the model has room for.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    max_tokens: Option<u64>,
    /// 0 for the most probable token each time, 1 (the default) for the model's own chances, up to 2 for more surprise.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 2)))]
    temperature: Option<f64>,
    /// Only the most probable tokens whose chances add up to this are drawn from; 1 where nobody says.
    #[cfg_attr(feature = "schema", schemars(range(max = 1), extend("exclusiveMinimum" = 0)))]
    top_p: Option<f64>,
    /// The same seed and prompt give the same text, of the same version on the same kind of machine. Random where nobody says.
    seed: Option<i64>,
    /// What ends the answer before it: a text, or up to four.
    stop: Option<Stops>,
}

// No description: its place in the schema is a member that has one.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline, untagged))]
pub(crate) enum Stops {
    One(#[cfg_attr(feature = "schema", schemars(length(min = 1, max = Prompt::MAX_STOP_BYTES)))] String),
    Many(
        #[cfg_attr(
            feature = "schema",
            schemars(length(max = Prompt::MOST_STOPS), inner(length(min = 1, max = Prompt::MAX_STOP_BYTES)))
        )]
        Vec<String>,
    ),
}

/// Reads one text more than there may be, and only counts what comes behind it.
impl<'de> Deserialize<'de> for Stops {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = Stops;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Stops, E> {
                Ok(Stops::One(text.to_owned()))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Stops, E> {
                Ok(Stops::One(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Stops, A::Error> {
                let mut stops = Vec::new();
                while stops.len() < Prompt::MOST_STOPS {
                    let Some(stop) = list.next_element()? else { return Ok(Stops::Many(stops)) };
                    stops.push(stop);
                }
                let mut got = stops.len();
                while list.next_element::<IgnoredAny>()?.is_some() {
                    got += 1;
                }
                let most = Prompt::MOST_STOPS;
                if got > most {
                    return Err(A::Error::invalid_length(got, &format!("at most {most} texts").as_str()));
                }
                Ok(Stops::Many(stops))
            }
        }

        deserializer.deserialize_any(Texts)
    }
}

impl From<Stops> for Vec<String> {
    fn from(stops: Stops) -> Self {
        match stops {
            Stops::One(stop) => vec![stop],
            Stops::Many(stops) => stops,
        }
    }
}

impl From<Members> for Prompt {
    fn from(members: Members) -> Self {
        let Members { prompt, max_tokens, temperature, top_p, seed, stop } = members;
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
            (good.clone().stop("a".repeat(Prompt::MAX_STOP_BYTES + 1)), "stop"),
        ] {
            assert_eq!(prompt.check().expect_err(member).0, member);
        }
    }

    #[test]
    fn a_stop_of_the_largest_size_is_taken_and_one_of_a_byte_more_is_named() {
        let stop = |bytes: usize| Prompt::new("a").stop("é".repeat(bytes / 2) + &"e".repeat(bytes % 2)).check();
        assert_eq!(stop(Prompt::MAX_STOP_BYTES), Ok(()));
        let (member, message) = stop(Prompt::MAX_STOP_BYTES + 1).expect_err("too long");
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
