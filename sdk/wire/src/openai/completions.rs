//! `POST /v1/completions`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RequestError;
#[cfg(feature = "schema")]
use super::schema;
use crate::oip::DecodeError;
use crate::task::{FinishReason, Prompt};

/// `POST /v1/completions`. `user` and members that are not known are ignored; members that are known and would change the
/// answer, but are not served here, are refused.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "Members"))]
pub struct CompletionsRequest {
    /// The model's name.
    pub model: String,
    /// The text and its options.
    pub prompt: Prompt,
    /// How many of the most probable tokens are told beside each; `None` where no chances are.
    pub logprobs: Option<usize>,
    /// Whether the answer begins with the prompt.
    pub echo: bool,
    /// How the answer comes.
    pub delivery: Delivery,
}

/// How an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In one piece.
    Whole,
    /// As server-sent events, one for each piece of text.
    Stream,
    /// The same, and at the end one that tells what the call is counted as.
    StreamWithUsage,
}

impl CompletionsRequest {
    /// The most that `logprobs` can ask for.
    pub const MOST_LOGPROBS: usize = 5;

    /// Reads a request body.
    ///
    /// ```
    /// use amaas_wire::openai::{CompletionsRequest, Delivery};
    ///
    /// let request = CompletionsRequest::from_json(br#"{"model":"generate","prompt":"A","stream":true,"seed":7}"#)?;
    /// assert_eq!((request.prompt.seed, request.delivery), (Some(7), Delivery::Stream));
    /// let error = CompletionsRequest::from_json(br#"{"model":"generate","prompt":"A","n":2}"#).expect_err("two");
    /// assert_eq!(error.param, Some("n"));
    /// # Ok::<(), amaas_wire::openai::RequestError>(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError`] names the member and the reason, never a text of the payload.
    pub fn from_json(body: &[u8]) -> Result<Self, RequestError> {
        let members = serde_json::from_slice::<Members>(body)
            .map_err(|error| RequestError { param: None, message: DecodeError::json(&error).to_string() })?;
        members.refuse_unserved()?;
        let prompt = Prompt {
            prompt: text(members.prompt.as_ref())?,
            max_tokens: member("max_tokens", members.max_tokens.as_ref(), Value::as_u64, "a whole number from 1 up")?,
            temperature: member("temperature", members.temperature.as_ref(), Value::as_f64, "a number")?,
            top_p: member("top_p", members.top_p.as_ref(), Value::as_f64, "a number")?,
            seed: member("seed", members.seed.as_ref(), Value::as_i64, "a whole number of 64 bits")?,
            stop: member("stop", members.stop.as_ref(), stops, "a text or a list of texts")?.unwrap_or_default(),
        };
        prompt.check().map_err(|(param, message)| RequestError { param: Some(param), message })?;
        let model = member("model", members.model.as_ref(), |value| value.as_str().map(str::to_owned), "a text")?;
        let flag = |name, value| member(name, value, Value::as_bool, "true or false").map(Option::unwrap_or_default);
        let (stream, echo) = (flag("stream", members.stream.as_ref())?, flag("echo", members.echo.as_ref())?);
        let logprobs = member("logprobs", members.logprobs.as_ref(), most_logprobs, "a whole number from 0 to 5")?;
        if echo && logprobs.is_some() {
            let message = "echo: expected false where logprobs are asked for: the prompt's are not told here";
            return Err(refused("echo", message));
        }
        Ok(Self {
            model: model.ok_or_else(|| missing("model"))?,
            prompt,
            logprobs,
            echo,
            delivery: members.delivery(stream)?,
        })
    }
}

/// The answer to a [`CompletionsRequest`], or one event of it.
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
    /// What the call is counted as, where it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<CompletionUsage>,
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
    /// What each token added to the text; empty where a character was not whole yet.
    pub tokens: Vec<String>,
    /// The natural logarithm of the chance of each.
    pub token_logprobs: Vec<f64>,
    /// The most probable tokens in the place of each.
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

/// What may stand in a body. Values are read one by one, so that an error can name the member and leave out what it holds.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Members {
    /// The model's name.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    model: Option<Value>,
    /// The text to go on with. Token ids are not taken: each model has a tokenizer of its own.
    #[cfg_attr(feature = "schema", schemars(with = "schema::OneText"))]
    prompt: Option<Value>,
    /// The most tokens that are made; 16 where nobody says, or as many as the model has room for.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(min = 1)))]
    max_tokens: Option<Value>,
    /// 0 for the most probable token each time, 1 (the default) for the model's own chances, up to 2 for more surprise.
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(min = 0, max = 2)))]
    temperature: Option<Value>,
    /// Only the most probable tokens whose chances add up to this are drawn from; 1 where nobody says.
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(max = 1), extend("exclusiveMinimum" = 0)))]
    top_p: Option<Value>,
    /// The same seed and prompt give the same text, of the same version on the same kind of machine. Random where nobody says.
    #[cfg_attr(feature = "schema", schemars(with = "Option<i64>"))]
    seed: Option<Value>,
    /// What ends the answer before it: a text, or up to four.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::task::Stops>"))]
    stop: Option<Value>,
    /// How many of the most probable tokens are told beside each, 0 to 5.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(max = CompletionsRequest::MOST_LOGPROBS)))]
    logprobs: Option<Value>,
    /// Whether the answer begins with the prompt.
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    echo: Option<Value>,
    /// Whether the answer comes as server-sent events, one for each piece of text.
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    stream: Option<Value>,
    /// Only where `stream` is true.
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::StreamOptions>"))]
    stream_options: Option<Value>,
    /// An answer has one text.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(min = 1, max = 1)))]
    n: Option<Value>,
    /// An answer has one text.
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(min = 1, max = 1)))]
    best_of: Option<Value>,
    /// A text is only gone on with.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", length(max = 0)))]
    suffix: Option<Value>,
    /// Tokens are not penalised.
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(min = 0, max = 0)))]
    presence_penalty: Option<Value>,
    /// Tokens are not penalised.
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(min = 0, max = 0)))]
    frequency_penalty: Option<Value>,
    /// Chances of tokens are the model's own.
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::Nothing>"))]
    logit_bias: Option<Value>,
}

impl Members {
    fn refuse_unserved(&self) -> Result<(), RequestError> {
        for (name, value) in [("n", &self.n), ("best_of", &self.best_of)] {
            if value.as_ref().is_some_and(|value| value.as_u64() != Some(1)) {
                return Err(refused(name, &format!("{name}: expected 1: an answer has one text here")));
            }
        }
        for (name, value) in
            [("presence_penalty", &self.presence_penalty), ("frequency_penalty", &self.frequency_penalty)]
        {
            if value.as_ref().is_some_and(|value| value.as_f64() != Some(0.0)) {
                return Err(refused(name, &format!("{name}: expected 0: tokens are not penalised here")));
            }
        }
        if self.suffix.as_ref().is_some_and(|suffix| suffix.as_str() != Some("")) {
            return Err(refused("suffix", "suffix: expected none: a text is only gone on with here"));
        }
        if self.logit_bias.as_ref().is_some_and(|bias| bias.as_object().is_none_or(|bias| !bias.is_empty())) {
            return Err(refused("logit_bias", "logit_bias: expected none: chances of tokens are the model's own here"));
        }
        Ok(())
    }

    fn delivery(&self, stream: bool) -> Result<Delivery, RequestError> {
        let Some(options) = &self.stream_options else {
            return Ok(if stream { Delivery::Stream } else { Delivery::Whole });
        };
        if !stream {
            return Err(refused("stream_options", "stream_options: expected none where stream is not true"));
        }
        match options.as_object().map(|options| options.get("include_usage").unwrap_or(&Value::Null)) {
            Some(Value::Bool(true)) => Ok(Delivery::StreamWithUsage),
            Some(Value::Bool(false) | Value::Null) => Ok(Delivery::Stream),
            _ => {
                Err(refused("stream_options", "stream_options: expected an object with true or false as include_usage"))
            }
        }
    }
}

/// A prompt is a text, or a list of one.
fn text(value: Option<&Value>) -> Result<String, RequestError> {
    match value {
        None => Err(missing("prompt")),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(list)) => match list.as_slice() {
            [Value::String(text)] => Ok(text.clone()),
            [Value::Number(_) | Value::Array(_), ..] => Err(refused(
                "prompt",
                "prompt: expected a text (token ids are not taken here: each model has a tokenizer of its own)",
            )),
            list => Err(refused("prompt", &format!("prompt: expected one text, got {}", list.len()))),
        },
        Some(_) => Err(refused("prompt", "prompt: expected a text")),
    }
}

fn stops(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(stop) => Some(vec![stop.clone()]),
        Value::Array(stops) => stops.iter().map(|stop| stop.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn most_logprobs(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|most| usize::try_from(most).ok()).filter(|most| *most <= CompletionsRequest::MOST_LOGPROBS)
}

/// What `read` makes of a member, where it is there and not null.
fn member<T>(
    name: &'static str,
    value: Option<&Value>,
    read: impl Fn(&Value) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, RequestError> {
    let Some(value) = value else { return Ok(None) };
    read(value).map(Some).ok_or_else(|| refused(name, &format!("{name}: expected {expected}")))
}

fn missing(name: &'static str) -> RequestError {
    refused(name, &format!("missing field `{name}`"))
}

fn refused(name: &'static str, message: &str) -> RequestError {
    RequestError { param: Some(name), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(members: &str) -> Result<CompletionsRequest, RequestError> {
        CompletionsRequest::from_json(format!(r#"{{"model":"m","prompt":"p"{members}}}"#).as_bytes())
    }

    #[test]
    fn members_that_are_null_or_unknown_are_nothing() {
        let plain = read("").expect("all that is needed");
        let nulls =
            r#","max_tokens":null,"stop":null,"stream":null,"stream_options":null,"n":1,"suffix":"","user":"u","x":[]"#;
        assert_eq!(read(nulls), Ok(plain.clone()));
        let expected = CompletionsRequest {
            model: "m".to_owned(),
            prompt: Prompt::new("p"),
            logprobs: None,
            echo: false,
            delivery: Delivery::Whole,
        };
        assert_eq!(plain, expected);
        let all = r#","max_tokens":9,"temperature":0,"top_p":0.5,"seed":-1,"stop":["a","b"],"logprobs":0,"stream":true,
            "stream_options":{"include_usage":true}"#;
        let all = read(all).expect("all of them");
        assert_eq!(all.prompt, Prompt::new("p").max_tokens(9).temperature(0.0).top_p(0.5).seed(-1).stop("a").stop("b"));
        assert_eq!((all.logprobs, all.delivery), (Some(0), Delivery::StreamWithUsage));
    }

    #[test]
    fn what_is_not_served_is_refused_by_name_and_without_its_value() {
        for (members, param) in [
            (r#","n":2"#, "n"),
            (r#","n":"SECRET""#, "n"),
            (r#","best_of":3"#, "best_of"),
            (r#","suffix":"SECRET""#, "suffix"),
            (r#","presence_penalty":0.5"#, "presence_penalty"),
            (r#","frequency_penalty":1"#, "frequency_penalty"),
            (r#","logit_bias":{"1":2}"#, "logit_bias"),
            (r#","echo":true,"logprobs":1"#, "echo"),
            (r#","logprobs":6"#, "logprobs"),
            (r#","max_tokens":-1"#, "max_tokens"),
            (r#","max_tokens":0"#, "max_tokens"),
            (r#","temperature":3"#, "temperature"),
            (r#","top_p":0"#, "top_p"),
            (r#","seed":1.5"#, "seed"),
            (r#","stop":[1]"#, "stop"),
            (r#","stop":["a","b","c","d","e"]"#, "stop"),
            (r#","stream":"SECRET""#, "stream"),
            (r#","stream_options":{"include_usage":true}"#, "stream_options"),
        ] {
            let error = read(members).expect_err(members);
            assert_eq!(error.param, Some(param), "{members}");
            assert!(!error.message.contains("SECRET"), "{error}");
        }
        for (body, param) in [
            (r#"{"prompt":"p"}"#, Some("model")),
            (r#"{"model":"m"}"#, Some("prompt")),
            (r#"{"model":"m","prompt":[1,2]}"#, Some("prompt")),
            (r#"{"model":"m","prompt":["a","b"]}"#, Some("prompt")),
            ("[]", None),
            ("{", None),
        ] {
            assert_eq!(CompletionsRequest::from_json(body.as_bytes()).expect_err(body).param, param, "{body}");
        }
    }
}
