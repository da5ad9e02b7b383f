//! `POST /v1/completions`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::completions_members::MEMBERS;
use super::error::RequestError;
use super::limits::check_model_name;
use super::member::{CallDescription, Member, optional, read};
use super::prompt;
#[cfg(feature = "schema")]
use super::schema;
use crate::json_fault::unreadable_value;
use crate::task::{Prompt, StopSequences};

/// `POST /v1/completions`. Unknown members are refused, and so are values of known ones that would change the answer and are not
/// supported.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "JsonMembers"))]
pub struct CompletionsRequest {
    /// The model's name.
    pub model: String,
    /// The text and its options.
    pub prompt: Prompt,
    /// The number of most probable tokens to report with each token; `None` for no log probabilities.
    pub logprobs: Option<usize>,
    /// Whether the answer repeats the prompt first.
    pub echo: bool,
    /// How the answer is delivered.
    pub delivery: Delivery,
}

/// How an answer is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In one piece.
    Whole,
    /// As server-sent events, one for each piece of text.
    Stream,
    /// As server-sent events, with the usage in the last event.
    StreamWithUsage,
}

impl CompletionsRequest {
    /// The largest value of `logprobs`.
    pub const MAX_LOGPROBS: usize = 5;
    /// The members that the route takes.
    pub const MEMBERS: &[Member] = &MEMBERS;

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
            serde_json::from_slice::<JsonMembers<'_>>(body).map_err(|error| RequestError::unread(body, &error))?;
        members.refuse_unserved()?;
        let prompt = Prompt {
            prompt: prompt::text(members.prompt)?,
            max_tokens: optional("max_tokens", members.max_tokens, "a whole number from 1 up")?,
            temperature: optional("temperature", members.temperature, "a number")?,
            top_p: optional("top_p", members.top_p, "a number")?,
            seed: optional("seed", members.seed, "a whole number of 64 bits")?,
            stop: stops(members.stop)?,
        };
        prompt.check().map_err(|(param, message)| RequestError::of(param, message))?;
        let model = optional::<String>("model", members.model, "a text")?;
        check_model_name(model.as_deref().unwrap_or_default())?;
        let flag = |name, value| optional(name, value, "true or false").map(Option::unwrap_or_default);
        let (stream, echo) = (flag("stream", members.stream)?, flag("echo", members.echo)?);
        let logprobs = logprobs(members.logprobs)?;
        if echo && logprobs.is_some() {
            let message =
                "echo: expected false together with logprobs: log probabilities of the prompt are not supported";
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

/// The members of a body. Each value is read on its own, so that an error can name the member without its value. Until then it
/// stays in the body, because a parsed list of millions of numbers takes many times its size in memory.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct JsonMembers<'a> {
    /// The model's name.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    model: Option<&'a RawValue>,
    /// The prompt. Token ids are not supported: each model has its own tokenizer.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "schema::JsonOneText"))]
    prompt: Option<&'a RawValue>,
    /// The most tokens to generate; 16 by default, and never more than the context window has room for.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(min = 1)))]
    max_tokens: Option<&'a RawValue>,
    /// Sampling temperature, 0 to 2: 0 is greedy decoding, 1 (the default) samples from the model's own distribution.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(min = 0, max = 2)))]
    temperature: Option<&'a RawValue>,
    /// Nucleus sampling: only the most probable tokens whose probabilities add up to this are sampled from. 1 by default.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(max = 1), extend("exclusiveMinimum" = 0)))]
    top_p: Option<&'a RawValue>,
    /// The same seed and prompt give the same text, with the same version on the same kind of machine. Random by default.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<i64>"))]
    seed: Option<&'a RawValue>,
    /// Stop sequences: a text, or up to four. Generation ends before the first match.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<StopSequences>"))]
    stop: Option<&'a RawValue>,
    /// The number of most probable tokens to report with each token, 0 to 5.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(max = CompletionsRequest::MAX_LOGPROBS)))]
    logprobs: Option<&'a RawValue>,
    /// Whether the answer repeats the prompt first.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    echo: Option<&'a RawValue>,
    /// Whether to stream the answer as server-sent events, one for each piece of text.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    stream: Option<&'a RawValue>,
    /// Only if `stream` is true.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::StreamOptions>"))]
    stream_options: Option<&'a RawValue>,
    /// Only 1: an answer has one text.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(min = 1, max = 1)))]
    n: Option<&'a RawValue>,
    /// Only 1: an answer has one text.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(min = 1, max = 1)))]
    best_of: Option<&'a RawValue>,
    /// Only empty: text is not inserted.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", length(max = 0)))]
    suffix: Option<&'a RawValue>,
    /// Only 0: tokens are not penalised.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(min = 0, max = 0)))]
    presence_penalty: Option<&'a RawValue>,
    /// Only 0: tokens are not penalised.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>", range(min = 0, max = 0)))]
    frequency_penalty: Option<&'a RawValue>,
    /// Only empty: the logits are the model's own.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::JsonEmptyObject>"))]
    logit_bias: Option<&'a RawValue>,
    /// The client's name for its end user. No effect.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    user: Option<&'a RawValue>,
    /// The client's id for its end user. No effect.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    safety_identifier: Option<&'a RawValue>,
    /// The client's key for a cache of prompts. No effect.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    prompt_cache_key: Option<&'a RawValue>,
    /// The client's metadata. No effect.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::JsonObject>"))]
    metadata: Option<&'a RawValue>,
    /// There is only one tier.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::ServiceTier>"))]
    service_tier: Option<&'a RawValue>,
    /// Whether the client would like the answer to be stored. No effect: no answer is stored.
    #[serde(borrow)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    store: Option<&'a RawValue>,
}

impl JsonMembers<'_> {
    fn refuse_unserved(&self) -> Result<(), RequestError> {
        CallDescription {
            user: self.user,
            safety_identifier: self.safety_identifier,
            prompt_cache_key: self.prompt_cache_key,
            metadata: self.metadata,
            service_tier: self.service_tier,
            store: self.store,
        }
        .check()?;
        for (name, value) in [("n", self.n), ("best_of", self.best_of)] {
            if value.is_some_and(|value| read::<u64>(value) != Some(1)) {
                return Err(refused(name, &format!("{name}: expected 1: an answer has one text")));
            }
        }
        for (name, value) in
            [("presence_penalty", self.presence_penalty), ("frequency_penalty", self.frequency_penalty)]
        {
            if value.is_some_and(|value| read::<f64>(value) != Some(0.0)) {
                return Err(refused(name, &format!("{name}: expected 0: penalties are not supported")));
            }
        }
        if self.suffix.is_some_and(|suffix| suffix.get() != r#""""#) {
            return Err(refused("suffix", "suffix: expected none: inserting text is not supported"));
        }
        if self.logit_bias.is_some_and(|bias| read::<EmptyObject>(bias).is_none()) {
            return Err(refused("logit_bias", "logit_bias: expected none: logit biases are not supported"));
        }
        Ok(())
    }

    fn delivery(&self, stream: bool) -> Result<Delivery, RequestError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct StreamOptions {
            include_usage: Option<bool>,
        }
        let Some(options) = self.stream_options else {
            return Ok(if stream { Delivery::Stream } else { Delivery::Whole });
        };
        if !stream {
            return Err(refused("stream_options", "stream_options: expected none unless stream is true"));
        }
        // serde reads a struct from a list too, which the protocol does not allow.
        match read::<StreamOptions>(options).filter(|_| options.get().starts_with('{')) {
            Some(StreamOptions { include_usage: Some(true) }) => Ok(Delivery::StreamWithUsage),
            Some(_) => Ok(Delivery::Stream),
            None => {
                Err(refused("stream_options", "stream_options: expected an object with true or false as include_usage"))
            }
        }
    }
}

/// An object without members.
struct EmptyObject;

impl<'de> Deserialize<'de> for EmptyObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EmptyObjectVisitor;

        impl<'de> Visitor<'de> for EmptyObjectVisitor {
            type Value = EmptyObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object without members")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<EmptyObject, A::Error> {
                match members.next_key::<IgnoredAny>()? {
                    None => Ok(EmptyObject),
                    Some(IgnoredAny) => Err(serde::de::Error::custom("a member")),
                }
            }
        }

        deserializer.deserialize_map(EmptyObjectVisitor)
    }
}

/// Reads `stop`. Nothing of a list that is too long is kept.
fn stops(value: Option<&RawValue>) -> Result<Vec<String>, RequestError> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let most = Prompt::MAX_STOPS;
    serde_json::from_str::<StopSequences>(value.get()).map(Vec::from).map_err(|error| {
        if let Some(what) = unreadable_value(&error) {
            return refused("stop", &format!("stop: {what}"));
        }
        // The list is too long, or has other entries.
        let long = error.to_string().starts_with("invalid length");
        let expected = if long { format!("at most {most} texts") } else { "a text or a list of texts".to_owned() };
        refused("stop", &format!("stop: expected {expected}"))
    })
}

fn logprobs(value: Option<&RawValue>) -> Result<Option<usize>, RequestError> {
    let expected = "a whole number from 0 to 5";
    match optional::<usize>("logprobs", value, expected)? {
        Some(most) if most > CompletionsRequest::MAX_LOGPROBS => {
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
        let without_effect = r#","user":"u","safety_identifier":"s","prompt_cache_key":"k","metadata":{"a":"b"},"service_tier":"auto","store":true,"best_of":1,"logit_bias":{},
            "presence_penalty":0,"frequency_penalty":0.0,"echo":false,"n":1"#;
        assert_eq!(read(without_effect), Ok(plain.clone()));
        // The defaults of langchain-openai.
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
            (r#","store":"SECRET""#, "store"),
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
        let long = "q".repeat(Prompt::MAX_STOP_LEN + 1);
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
