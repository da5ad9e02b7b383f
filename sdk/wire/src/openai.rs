//! `OpenAI`'s shapes: `POST /v1/embeddings`, `POST /v1/completions`, and the error object of its routes.
//!
//! What is not here is not taken: arrays of token ids, which mean something to one tokenizer only and would be misread by
//! another without anybody noticing.

mod completions;
#[cfg(feature = "schema")]
mod schema;

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

pub use self::completions::{Completion, CompletionUsage, CompletionsRequest, CompletionsResponse, Delivery, Logprobs};
use crate::oip::DecodeError;

/// `POST /v1/embeddings`. `user` and members that are not known are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "schema::Embeddings"))]
pub struct EmbeddingsRequest {
    /// The model's name.
    pub model: String,
    /// The texts: one where the member is a string, each of a list.
    pub input: Vec<String>,
    /// How the vectors are written.
    pub encoding_format: EncodingFormat,
    /// The length that the vectors should have, where the caller says.
    pub dimensions: Option<u64>,
}

/// How the vectors of an answer are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub enum EncodingFormat {
    /// A list of numbers.
    #[default]
    Float,
    /// Little-endian 32-bit floats in base64, which is what `OpenAI`'s own Python client asks for.
    Base64,
}

impl EmbeddingsRequest {
    /// Reads a request body of at most `limit` texts; what comes behind them is not read.
    ///
    /// ```
    /// use amaas_wire::openai::EmbeddingsRequest;
    ///
    /// let request = EmbeddingsRequest::from_json(br#"{"model":"embed","input":["a","b"]}"#, 2)?;
    /// assert_eq!((request.model.as_str(), request.input.len()), ("embed", 2));
    /// let error = EmbeddingsRequest::from_json(br#"{"model":"embed","input":[[1]]}"#, 2).expect_err("tokens");
    /// assert_eq!(error.param, Some("input"));
    /// # Ok::<(), amaas_wire::openai::RequestError>(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError`] names the member and the reason, never a value of the payload.
    pub fn from_json(body: &[u8], limit: usize) -> Result<Self, RequestError> {
        let mut state = State { limit, at: None, said: None };
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = json.deserialize_map(Request(&mut state)).and_then(|request| json.end().map(|()| request));
        read.map_err(|error| {
            let message = state.said.take().unwrap_or_else(|| DecodeError::json(&error).to_string());
            RequestError { param: state.at, message }
        })
    }

    /// The `model` of a request body, and nothing else of it.
    ///
    /// # Errors
    /// [`RequestError`], as above.
    pub fn model_of(body: &[u8]) -> Result<String, RequestError> {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            model: Cow<'a, str>,
        }
        let named = serde_json::from_slice::<Named<'_>>(body);
        let failed = |error: serde_json::Error| RequestError {
            param: error.is_data().then_some("model"),
            message: DecodeError::json(&error).to_string(),
        };
        let model = named.map_err(failed)?.model.into_owned();
        bounded_model(&model).map(|()| model)
    }
}

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// The member at fault, where it is one.
    pub param: Option<&'static str>,
    /// What was expected and what arrived.
    pub message: String,
}

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

/// Where the reading of a request is: serde's own errors carry only text.
struct State {
    limit: usize,
    /// The member that is being read.
    at: Option<&'static str>,
    /// What serde's error would not say.
    said: Option<String>,
}

impl State {
    /// An error at the member that is being read.
    fn fail<E: serde::de::Error>(&mut self, message: String) -> E {
        self.said = Some(message);
        E::custom("refused")
    }
}

struct Request<'a>(&'a mut State);

impl<'de> Visitor<'de> for Request<'_> {
    type Value = EmbeddingsRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<EmbeddingsRequest, A::Error> {
        let state = self.0;
        let (mut model, mut input, mut encoding_format, mut dimensions) = (None, None, None, None);
        while let Some(member) = members.next_key::<Member>()? {
            state.at = member.name();
            match member {
                Member::Model => once(&mut model, members.next_value()?, state)?,
                Member::Input => once(&mut input, members.next_value_seed(Input(&mut *state))?, state)?,
                Member::EncodingFormat => {
                    let format = members.next_value::<Option<String>>()?;
                    once(&mut encoding_format, self::format(format.as_deref(), state)?, state)?;
                }
                Member::Dimensions => once(&mut dimensions, members.next_value::<Option<u64>>()?, state)?,
                Member::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        state.at = Some("model");
        let model: String = model.ok_or_else(|| A::Error::missing_field("model"))?;
        bounded_model(&model).map_err(|error| state.fail(error.message))?;
        state.at = Some("input");
        let input = input.ok_or_else(|| A::Error::missing_field("input"))?;
        state.at = None;
        let (encoding_format, dimensions) = (encoding_format.unwrap_or_default(), dimensions.flatten());
        Ok(EmbeddingsRequest { model, input, encoding_format, dimensions })
    }
}

/// Refuses a name of a model that is longer than any is. What is unknown is named in an error, and kept for the log.
fn bounded_model(model: &str) -> Result<(), RequestError> {
    let got = model.len();
    if got <= MAX_MODEL {
        return Ok(());
    }
    Err(RequestError { param: Some("model"), message: format!("model: expected at most {MAX_MODEL} bytes, got {got}") })
}

/// Bytes of the name of a model.
const MAX_MODEL: usize = 256;

fn once<T, E: serde::de::Error>(place: &mut Option<T>, value: T, state: &mut State) -> Result<(), E> {
    match place.replace(value) {
        Some(_) => Err(state.fail(format!("{} came twice", state.at.unwrap_or_default()))),
        None => Ok(()),
    }
}

fn format<E: serde::de::Error>(name: Option<&str>, state: &mut State) -> Result<EncodingFormat, E> {
    match name {
        None | Some("float") => Ok(EncodingFormat::Float),
        Some("base64") => Ok(EncodingFormat::Base64),
        Some(_) => Err(state.fail("encoding_format: expected \"float\" or \"base64\", got another text".to_owned())),
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Member {
    Model,
    Input,
    EncodingFormat,
    Dimensions,
    #[serde(other)]
    Other,
}

impl Member {
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::Model => Some("model"),
            Self::Input => Some("input"),
            Self::EncodingFormat => Some("encoding_format"),
            Self::Dimensions => Some("dimensions"),
            Self::Other => None,
        }
    }
}

/// Reads `input`; a short body can hold millions of texts, so it stops at one too many.
struct Input<'a>(&'a mut State);

impl<'de> serde::de::DeserializeSeed<'de> for Input<'_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Input<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Vec<String>, E> {
        Ok(vec![text])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while texts.len() < self.0.limit {
            match list.next_element()? {
                Some(Text(text)) => texts.push(text),
                None if texts.is_empty() => {
                    return Err(self.0.fail("input: expected at least one text, got none".to_owned()));
                }
                None => return Ok(texts),
            }
        }
        match list.next_element::<IgnoredAny>()? {
            Some(IgnoredAny) => {
                let limit = self.0.limit;
                Err(self.0.fail(format!("input: expected at most {limit} texts, got more")))
            }
            None => Ok(texts),
        }
    }
}

/// One text of a list, which says what else may stand there with other services.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;

        impl Visitor<'_> for Words {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text (token ids are not taken here: each model has a tokenizer of its own)")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Text, E> {
                Ok(Text(text))
            }
        }

        deserializer.deserialize_any(Words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<EmbeddingsRequest, RequestError> {
        EmbeddingsRequest::from_json(body.as_bytes(), 3)
    }

    #[test]
    fn members_come_in_any_order_and_others_are_ignored() {
        let body = r#"{"user":"u","encoding_format":"base64","input":"a","other":[{}],"dimensions":384,"model":"m"}"#;
        let expected = EmbeddingsRequest {
            model: "m".to_owned(),
            input: vec!["a".to_owned()],
            encoding_format: EncodingFormat::Base64,
            dimensions: Some(384),
        };
        assert_eq!(read(body), Ok(expected));
        let body = r#"{"input":["a","","é"],"model":"m","encoding_format":null,"dimensions":null,"user":null}"#;
        let request = read(body).expect("nulls are nothing");
        assert_eq!(request.input, ["a", "", "é"]);
        assert_eq!((request.encoding_format, request.dimensions), (EncodingFormat::Float, None));
        assert_eq!(EmbeddingsRequest::model_of(body.as_bytes()).as_deref(), Ok("m"));
    }

    #[test]
    fn errors_name_the_member_and_never_the_payload() {
        let tokens = "expected a text (token ids are not taken here: each model has a tokenizer of its own)";
        for (body, param, expected) in [
            ("", None, "not JSON: the body ends too early"),
            ("[]", None, "expected an object, got sequence"),
            (r#"{"input":"a"}"#, Some("model"), "missing field `model`"),
            (r#"{"model":"m"}"#, Some("input"), "missing field `input`"),
            (r#"{"model":7,"input":"a"}"#, Some("model"), "expected a string, got integer"),
            (r#"{"model":"m","input":7}"#, Some("input"), "expected a text or a list of texts, got integer"),
            (r#"{"model":"m","input":null}"#, Some("input"), "expected a text or a list of texts, got null"),
            (r#"{"model":"m","input":[1,2]}"#, Some("input"), tokens),
            (r#"{"model":"m","input":[[1,2]]}"#, Some("input"), tokens),
            (r#"{"model":"m","input":[]}"#, Some("input"), "input: expected at least one text, got none"),
            (r#"{"model":"m","input":["","","",""]}"#, Some("input"), "input: expected at most 3 texts, got more"),
            (r#"{"model":"m","input":"a","input":"b"}"#, Some("input"), "input came twice"),
            (r#"{"model":"m","input":"a","dimensions":-1}"#, Some("dimensions"), "expected u64"),
            (r#"{"model":"m","input":"a","dimensions":"SECRET"}"#, Some("dimensions"), "expected u64, got string"),
            (r#"{"model":"m","encoding_format":"SECRET"}"#, Some("encoding_format"), "got another text"),
            (r#"{"model":"m","input":"a"} SECRET"#, None, "not JSON: trailing characters"),
        ] {
            let error = read(body).expect_err(body);
            assert!(error.message.contains(expected), "{body}: {error}");
            assert!(!error.message.contains("SECRET"), "{error}");
            assert_eq!(error.param, param, "{body}");
        }
    }

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
