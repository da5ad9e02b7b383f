//! What a generator takes and answers.

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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Form")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Texts, [`Prompt::MOST_STOPS`] at most, any of which ends the answer before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
}

impl Prompt {
    /// What `max_tokens` is where nobody says.
    pub const MAX_TOKENS: u64 = 16;
    /// How many `stop` may be.
    pub const MOST_STOPS: usize = 4;

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

/// Why a generated text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum FinishReason {
    /// The model ended it, or one of the texts in `stop` came.
    Stop,
    /// As many tokens were made as were asked for, or as the model has room for.
    Length,
}

/// The forms of a prompt in JSON.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a text, or an object with a text as \"prompt\" and numbers as its options")]
enum Form {
    /// The text alone.
    Text(String),
    Object(Members),
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

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(untagged)]
pub(crate) enum Stops {
    One(#[cfg_attr(feature = "schema", schemars(length(min = 1)))] String),
    Many(
        #[cfg_attr(feature = "schema", schemars(length(max = Prompt::MOST_STOPS), inner(length(min = 1))))] Vec<String>,
    ),
}

impl From<Form> for Prompt {
    fn from(form: Form) -> Self {
        match form {
            Form::Text(text) => Self::new(text),
            Form::Object(Members { prompt, max_tokens, temperature, top_p, seed, stop }) => {
                let stop = match stop {
                    None => Vec::new(),
                    Some(Stops::One(stop)) => vec![stop],
                    Some(Stops::Many(stops)) => stops,
                };
                Self { prompt, max_tokens, temperature, top_p, seed, stop }
            }
        }
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
        ] {
            assert_eq!(prompt.check().expect_err(member).0, member);
        }
    }

    #[test]
    fn other_members_are_refused() {
        assert!(serde_json::from_str::<Prompt>(r#"{"prompt":"a","stop":"b"}"#).is_ok());
        for wrong in ["7", r#"{"max_tokens":1}"#, r#"{"prompt":"a","tokens":1}"#, r#"{"prompt":["a"]}"#] {
            let error = serde_json::from_str::<Prompt>(wrong).expect_err(wrong);
            assert!(error.to_string().starts_with("expected a text, or an object"), "{error}");
        }
    }
}
