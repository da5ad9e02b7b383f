//! `POST /v1/completions`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::plain::{self, member, read};
#[cfg(feature = "schema")]
use super::schema;
use super::{RequestError, prompt};
use crate::task::{Prompt, Stops};

/// `POST /v1/completions`. Members that are not known are refused, and so are values of known ones that would change the answer and are
/// not served.
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
    /// assert_eq!(error.param.as_deref(), Some("n"));
    /// # Ok::<(), amaas_wire::openai::RequestError>(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError`] names the member and the reason, never a text of the payload.
    pub fn from_json(body: &[u8]) -> Result<Self, RequestError> {
        let members =
            serde_json::from_slice::<Members<'_>>(body).map_err(|error| RequestError::unread(body, &error))?;
        members.refuse_unserved()?;
        let prompt = Prompt {
            prompt: prompt::text(members.prompt)?,
            max_tokens: member("max_tokens", members.max_tokens, "a whole number from 1 up")?,
            temperature: member("temperature", members.temperature, "a number")?,
            top_p: member("top_p", members.top_p, "a number")?,
            seed: member("seed", members.seed, "a whole number of 64 bits")?,
            stop: stops(members.stop)?,
        };
        prompt.check().map_err(|(param, message)| RequestError::of(param, message))?;
        let model = member::<String>("model", members.model, "a text")?;
        super::bounded_model(model.as_deref().unwrap_or_default())?;
        let flag = |name, value| member(name, value, "true or false").map(Option::unwrap_or_default);
        let (stream, echo) = (flag("stream", members.stream)?, flag("echo", members.echo)?);
        let logprobs = logprobs(members.logprobs)?;
        if echo && logprobs.is_some() {
            let message = "echo: expected false where logprobs are asked for: the prompt's are not told here";
            return Err(refused("echo", message));
        }
        Ok(Self {
            model: model.ok_or_else(|| RequestError::missing("model"))?,
            prompt,
            logprobs,
            echo,
            delivery: members.delivery(stream)?,
        })
    }
}

/// What may stand in a body. Values are read one by one, so that an error can name the member and leave out what it holds; until then
/// they stay where they are in the body, since a list of millions of numbers takes many times its size in memory.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Members<'a> {
    /// The model's name.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    model: Option<&'a RawValue>,
    /// The text to go on with. Token ids are not taken: each model has a tokenizer of its own.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "schema::OneText"))]
    prompt: Option<&'a RawValue>,
    /// The most tokens that are made; 16 where nobody says, or as many as the model has room for.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(min = 1)))]
    max_tokens: Option<&'a RawValue>,
    /// 0 for the most probable token each time, 1 (the default) for the model's own chances, up to 2 for more surprise.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(min = 0, max = 2)))]
    temperature: Option<&'a RawValue>,
    /// Only the most probable tokens whose chances add up to this are drawn from; 1 where nobody says.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(max = 1), extend("exclusiveMinimum" = 0)))]
    top_p: Option<&'a RawValue>,
    /// The same seed and prompt give the same text, of the same version on the same kind of machine. Random where nobody says.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<i64>"))]
    seed: Option<&'a RawValue>,
    /// What ends the answer before it: a text, or up to four.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Stops>"))]
    stop: Option<&'a RawValue>,
    /// How many of the most probable tokens are told beside each, 0 to 5.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(max = CompletionsRequest::MOST_LOGPROBS)))]
    logprobs: Option<&'a RawValue>,
    /// Whether the answer begins with the prompt.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    echo: Option<&'a RawValue>,
    /// Whether the answer comes as server-sent events, one for each piece of text.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    stream: Option<&'a RawValue>,
    /// Only where `stream` is true.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::StreamOptions>"))]
    stream_options: Option<&'a RawValue>,
    /// An answer has one text.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(min = 1, max = 1)))]
    n: Option<&'a RawValue>,
    /// An answer has one text.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(min = 1, max = 1)))]
    best_of: Option<&'a RawValue>,
    /// A text is only gone on with.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", length(max = 0)))]
    suffix: Option<&'a RawValue>,
    /// Tokens are not penalised.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(min = 0, max = 0)))]
    presence_penalty: Option<&'a RawValue>,
    /// Tokens are not penalised.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(min = 0, max = 0)))]
    frequency_penalty: Option<&'a RawValue>,
    /// Chances of tokens are the model's own.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::Nothing>"))]
    logit_bias: Option<&'a RawValue>,
    /// The caller's own name for whom it asks; no answer depends on it.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    user: Option<&'a RawValue>,
    /// The caller's own notes; no answer depends on them.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::Notes>"))]
    metadata: Option<&'a RawValue>,
    /// There is one tier.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::Tier>"))]
    service_tier: Option<&'a RawValue>,
    /// No answer is kept.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>", extend("enum" = [false, null])))]
    store: Option<&'a RawValue>,
}

impl Members<'_> {
    fn refuse_unserved(&self) -> Result<(), RequestError> {
        plain::check([self.user, self.metadata, self.service_tier, self.store])?;
        for (name, value) in [("n", self.n), ("best_of", self.best_of)] {
            if value.is_some_and(|value| read::<u64>(value) != Some(1)) {
                return Err(refused(name, &format!("{name}: expected 1: an answer has one text here")));
            }
        }
        for (name, value) in
            [("presence_penalty", self.presence_penalty), ("frequency_penalty", self.frequency_penalty)]
        {
            if value.is_some_and(|value| read::<f64>(value) != Some(0.0)) {
                return Err(refused(name, &format!("{name}: expected 0: tokens are not penalised here")));
            }
        }
        if self.suffix.is_some_and(|suffix| suffix.get() != r#""""#) {
            return Err(refused("suffix", "suffix: expected none: a text is only gone on with here"));
        }
        if self.logit_bias.is_some_and(|bias| read::<Nothing>(bias).is_none()) {
            return Err(refused("logit_bias", "logit_bias: expected none: chances of tokens are the model's own here"));
        }
        Ok(())
    }

    fn delivery(&self, stream: bool) -> Result<Delivery, RequestError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Options {
            include_usage: Option<bool>,
        }
        let Some(options) = self.stream_options else {
            return Ok(if stream { Delivery::Stream } else { Delivery::Whole });
        };
        if !stream {
            return Err(refused("stream_options", "stream_options: expected none where stream is not true"));
        }
        // A struct of serde can be a list too, which is none of the protocol's forms.
        match read::<Options>(options).filter(|_| options.get().starts_with('{')) {
            Some(Options { include_usage: Some(true) }) => Ok(Delivery::StreamWithUsage),
            Some(_) => Ok(Delivery::Stream),
            None => {
                Err(refused("stream_options", "stream_options: expected an object with true or false as include_usage"))
            }
        }
    }
}

/// An object without members.
struct Nothing;

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Empty;

        impl<'de> Visitor<'de> for Empty {
            type Value = Nothing;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object without members")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Nothing, A::Error> {
                match members.next_key::<IgnoredAny>()? {
                    None => Ok(Nothing),
                    Some(IgnoredAny) => Err(serde::de::Error::custom("a member")),
                }
            }
        }

        deserializer.deserialize_map(Empty)
    }
}

/// Of a list that is too long its length is told, and nothing is kept.
fn stops(value: Option<&RawValue>) -> Result<Vec<String>, RequestError> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let most = Prompt::MOST_STOPS;
    serde_json::from_str::<Stops>(value.get()).map(Vec::from).map_err(|error| {
        if let Some(what) = crate::json::no_value(&error) {
            return refused("stop", &format!("stop: {what}"));
        }
        // It is a list of so many, or of something else.
        let long = error.to_string().starts_with("invalid length");
        let expected = if long { format!("at most {most} texts") } else { "a text or a list of texts".to_owned() };
        refused("stop", &format!("stop: expected {expected}"))
    })
}

fn logprobs(value: Option<&RawValue>) -> Result<Option<usize>, RequestError> {
    let expected = "a whole number from 0 to 5";
    match member::<usize>("logprobs", value, expected)? {
        Some(most) if most > CompletionsRequest::MOST_LOGPROBS => {
            Err(refused("logprobs", &format!("logprobs: expected {expected}, got {most}")))
        }
        most => Ok(most),
    }
}

fn refused(name: &'static str, message: &str) -> RequestError {
    RequestError::of(name, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(members: &str) -> Result<CompletionsRequest, RequestError> {
        CompletionsRequest::from_json(format!(r#"{{"model":"m","prompt":"p"{members}}}"#).as_bytes())
    }

    #[test]
    fn members_that_are_null_or_change_nothing_are_nothing() {
        let plain = read("").expect("all that is needed");
        let nulls = r#","max_tokens":null,"stop":null,"stream":null,"stream_options":null,"n":1,"suffix":"""#;
        assert_eq!(read(nulls), Ok(plain.clone()));
        let without_effect = r#","user":"u","metadata":{"a":"b"},"service_tier":"auto","store":false,"best_of":1,"logit_bias":{},
            "presence_penalty":0,"frequency_penalty":0.0,"echo":false,"n":1"#;
        assert_eq!(read(without_effect), Ok(plain.clone()));
        // What langchain-openai sends where its user says nothing.
        let langchain = r#","temperature":0.7,"top_p":1,"frequency_penalty":0,"presence_penalty":0,"n":1,"seed":null,
            "logprobs":null,"max_tokens":256"#;
        assert_eq!(read(langchain).map(|request| request.prompt.max_tokens), Ok(Some(256)));
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
            (r#","stop":{"a":"SECRET"}"#, "stop"),
            (r#","logit_bias":[]"#, "logit_bias"),
            (r#","stream":true,"stream_options":[true]"#, "stream_options"),
            (r#","stream":true,"stream_options":{"include_usage":"SECRET"}"#, "stream_options"),
            (r#","stream":"SECRET""#, "stream"),
            (r#","stream_options":{"include_usage":true}"#, "stream_options"),
            (r#","stream":true,"stream_options":{"include_usage":true,"other":1}"#, "stream_options"),
            (r#","user":7"#, "user"),
            (r#","metadata":"SECRET""#, "metadata"),
            (r#","service_tier":"SECRET""#, "service_tier"),
            (r#","store":true"#, "store"),
            (r#","stop":["\ud83d"]"#, "stop"),
            (r#","max_completion_tokens":5"#, "max_completion_tokens"),
            (r#","response_format":{"type":"SECRET"}"#, "response_format"),
            (r#","repetition_penalty":1.3"#, "repetition_penalty"),
            (r#","top_k":1"#, "top_k"),
            (r#","min_p":0.5"#, "min_p"),
            (r#","min_tokens":50"#, "min_tokens"),
            (r#","stop_token_ids":[10]"#, "stop_token_ids"),
            (r#","ignore_eos":true"#, "ignore_eos"),
            (r#","guided_json":{}"#, "guided_json"),
            (r#","include_stop_str_in_output":true"#, "include_stop_str_in_output"),
            (r#","add_special_tokens":false"#, "add_special_tokens"),
            (r#","skip_special_tokens":false"#, "skip_special_tokens"),
            (r#","prompt_logprobs":1"#, "prompt_logprobs"),
            (r#","truncate_prompt_tokens":3"#, "truncate_prompt_tokens"),
            (r#","messages":[]"#, "messages"),
            (r#","tools":[]"#, "tools"),
            (r#","temprature":0"#, "temprature"),
        ] {
            let error = read(members).expect_err(members);
            assert_eq!(error.param.as_deref(), Some(param), "{members}");
            assert!(error.message.contains(param), "{error}");
            assert!(!error.message.contains("SECRET"), "{error}");
        }
        for (body, param) in [
            (r#"{"prompt":"p"}"#, Some("model")),
            (r#"{"model":"m"}"#, Some("prompt")),
            (r#"{"model":"m","prompt":[1,2]}"#, Some("prompt")),
            (r#"{"model":"m","prompt":["a","b"]}"#, Some("prompt")),
            (r#"{"model":"m","prompt":[]}"#, Some("prompt")),
            (r#"{"model":"m","prompt":[null]}"#, Some("prompt")),
            (r#"{"model":"m","prompt":7}"#, Some("prompt")),
            (r#"{"model":"m","prompt":"\ud83d"}"#, Some("prompt")),
            (r#"{"model":"m","prompt":["\ud83d"]}"#, Some("prompt")),
            ("null", None),
            ("{", None),
        ] {
            let error = CompletionsRequest::from_json(body.as_bytes()).expect_err(body);
            assert_eq!(error.param.as_deref(), param, "{body}");
            assert_eq!(error.message.contains("half of a surrogate pair"), body.contains("ud83d"), "{error}");
        }
        let error = CompletionsRequest::from_json(br#"{"model":"m","prompt":[1]}"#).expect_err("tokens").message;
        assert!(error.contains("token ids are not taken here"), "{error}");
    }

    #[test]
    fn long_members_are_refused_with_their_limit() {
        let long = "q".repeat(Prompt::MAX_STOP_BYTES + 1);
        let error = read(&format!(r#","stop":["a","{long}"]"#)).expect_err("too long");
        assert_eq!(error.message, "stop: expected texts of at most 256 bytes, got one of 257");
        let body = format!(r#"{{"model":"{}","prompt":"p"}}"#, "m".repeat(257));
        let error = CompletionsRequest::from_json(body.as_bytes()).expect_err("too long");
        assert_eq!(
            (error.param.as_deref(), error.message.as_str()),
            (Some("model"), "model: expected at most 256 bytes, got 257")
        );
        let prompt = CompletionsRequest::from_json(br#"{"model":"m","prompt":["a\u00e9"]}"#).expect("a list of one");
        assert_eq!(prompt.prompt.prompt, "aé");
    }
}
