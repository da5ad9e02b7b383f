//! The request of `POST /v1/embeddings`.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::encoding_format::EncodingFormat;
use super::error::RequestError;
use super::limits::{TEXT_ONLY, check_model_name};
use super::member;

/// `POST /v1/embeddings`. Unknown members are refused, and so are values of known ones that would change the answer and are not
/// supported.
/// `POST /v1/completions`. Members that are not known are refused, and so are values of known ones that would change the answer and are
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "super::schema::JsonEmbeddingsRequest"))]
pub struct EmbeddingsRequest {
    /// The model's name.
    pub model: String,
    /// The texts: one for a string, each of a list.
    pub input: Vec<String>,
    /// The encoding of the vectors.
    pub encoding_format: EncodingFormat,
    /// The length of the vectors that the client asks for.
    pub dimensions: Option<u64>,
    /// Whether a text of more tokens than the model reads is truncated.
    pub truncation: Truncation,
}

/// Whether a text of more tokens than the model reads is truncated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truncation {
    /// The text is cut at its end, and the answer says so.
    #[default]
    End,
    /// The call is refused.
    Refuse,
}

impl EmbeddingsRequest {
    /// Reads a request body of at most `limit` texts. Reading stops at the first text beyond.
    ///
    /// ```
    /// use amaas_wire::openai::EmbeddingsRequest;
    ///
    /// let request = EmbeddingsRequest::from_json(br#"{"model":"embed","input":["a","b"]}"#, 2)?;
    /// assert_eq!((request.model.as_str(), request.input.len()), ("embed", 2));
    /// let error = EmbeddingsRequest::from_json(br#"{"model":"embed","input":[[1]]}"#, 2).expect_err("tokens");
    /// assert_eq!(error.param.as_deref(), Some("input"));
    /// # Ok::<(), amaas_wire::openai::RequestError>(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError`] names the member and the reason, never a value of the payload.
    pub fn from_json(body: &[u8], limit: usize) -> Result<Self, RequestError> {
        let mut state = ReadState { limit, said: None };
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = json.deserialize_map(RequestVisitor(&mut state)).and_then(|request| json.end().map(|()| request));
        read.map_err(|error| state.said.take().unwrap_or_else(|| RequestError::unread(body, &error)))
    }

    /// Reads only the `model` of a request body.
    ///
    /// # Errors
    /// [`RequestError`], as for [`from_json`](Self::from_json).
    pub fn model_of(body: &[u8]) -> Result<String, RequestError> {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            model: Option<Cow<'a, str>>,
        }
        let named = serde_json::from_slice::<Named<'_>>(body).map_err(|error| RequestError::unread(body, &error))?;
        let model = named.model.ok_or_else(|| RequestError::missing("model"))?.into_owned();
        check_model_name(&model).map(|()| model)
    }
}

/// The state of reading a request.
struct ReadState {
    limit: usize,
    /// The error with its details, because serde's own errors carry only text.
    said: Option<RequestError>,
}

impl ReadState {
    fn fail<E: serde::de::Error>(&mut self, error: RequestError) -> E {
        self.said = Some(error);
        E::custom("refused")
    }
}

struct RequestVisitor<'a>(&'a mut ReadState);

impl<'de> Visitor<'de> for RequestVisitor<'_> {
    type Value = EmbeddingsRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<EmbeddingsRequest, A::Error> {
        let state = self.0;
        let (mut model, mut input) = (None, None);
        let mut others = [None; RequestMember::OTHERS.len()];
        while let Some(member) = members.next_key::<RequestMember>()? {
            match member {
                RequestMember::Model if model.is_some() => return Err(A::Error::duplicate_field("model")),
                RequestMember::Model => model = Some(members.next_value::<String>()?),
                RequestMember::Input if input.is_some() => return Err(A::Error::duplicate_field("input")),
                RequestMember::Input => input = Some(members.next_value_seed(InputVisitor(&mut *state))?),
                other => {
                    let (place, name) = other.place();
                    if others[place].replace(members.next_value::<&'de RawValue>()?).is_some() {
                        return Err(A::Error::duplicate_field(name));
                    }
                }
            }
        }
        let request = made(model, input, others);
        request.map_err(|error| state.fail(error))
    }
}

type RawMembers<'a> = [Option<&'a RawValue>; RequestMember::OTHERS.len()];

fn made(
    model: Option<String>,
    input: Option<Vec<String>>,
    others: RawMembers<'_>,
) -> Result<EmbeddingsRequest, RequestError> {
    let model = model.ok_or_else(|| RequestError::missing("model"))?;
    check_model_name(&model)?;
    let input = input.ok_or_else(|| RequestError::missing("input"))?;
    let [format, dimensions, truncate, most, direction, unused @ ..] = others;
    member::check(unused)?;
    refuse_other_cuts(most, direction)?;
    Ok(EmbeddingsRequest {
        model,
        input,
        encoding_format: encoding_format(format)?,
        dimensions: member::optional("dimensions", dimensions, "a whole number")?,
        truncation: truncation(truncate)?,
    })
}

fn encoding_format(value: Option<&RawValue>) -> Result<EncodingFormat, RequestError> {
    let expected = "\"float\" or \"base64\"";
    match member::optional::<Cow<'_, str>>("encoding_format", value, expected)?.as_deref() {
        None | Some("float") => Ok(EncodingFormat::Float),
        Some("base64") => Ok(EncodingFormat::Base64),
        Some(_) => {
            Err(RequestError::of("encoding_format", format!("encoding_format: expected {expected}, got another text")))
        }
    }
}

/// Services use a boolean, or the name of the end at which a text is cut.
fn truncation(value: Option<&RawValue>) -> Result<Truncation, RequestError> {
    match value.map_or("null", RawValue::get) {
        "null" | "true" | "\"END\"" => Ok(Truncation::End),
        "false" | "\"NONE\"" => Ok(Truncation::Refuse),
        _ => {
            let expected = "true or \"END\", false or \"NONE\"; a text is cut at its end";
            Err(RequestError::of("truncate", format!("truncate: expected {expected}")))
        }
    }
}

fn refuse_other_cuts(most: Option<&RawValue>, direction: Option<&RawValue>) -> Result<(), RequestError> {
    if !matches!(most.map_or("null", RawValue::get), "null" | "-1") {
        let message = "truncate_prompt_tokens: expected none or -1: a text is cut to the length that the model reads";
        return Err(RequestError::of("truncate_prompt_tokens", message.to_owned()));
    }
    if !matches!(direction.map_or("null", RawValue::get), "null" | "\"right\"" | "\"Right\"") {
        let message = "truncation_direction: expected none or \"right\": a text is cut at its end";
        return Err(RequestError::of("truncation_direction", message.to_owned()));
    }
    Ok(())
}

/// The members of a body. Others are refused, so that none is ignored.
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum RequestMember {
    Model,
    Input,
    EncodingFormat,
    Dimensions,
    Truncate,
    TruncatePromptTokens,
    TruncationDirection,
    User,
    Metadata,
    ServiceTier,
    Store,
}

impl RequestMember {
    /// Members whose values are read at the end of the body.
    const OTHERS: [&'static str; 9] = [
        "encoding_format",
        "dimensions",
        "truncate",
        "truncate_prompt_tokens",
        "truncation_direction",
        "user",
        "metadata",
        "service_tier",
        "store",
    ];

    /// The index among [`Self::OTHERS`], and the name.
    fn place(self) -> (usize, &'static str) {
        let place = (self as usize).saturating_sub(Self::EncodingFormat as usize);
        (place, Self::OTHERS[place])
    }
}

/// Reads `input`, and stops at one text too many, because a short body can hold millions.
struct InputVisitor<'a>(&'a mut ReadState);

impl<'de> DeserializeSeed<'de> for InputVisitor<'_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for InputVisitor<'_> {
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
                Some(InputText(text)) => texts.push(text),
                None if texts.is_empty() => {
                    let message = "input: expected at least one text, got none".to_owned();
                    return Err(self.0.fail(RequestError::of("input", message)));
                }
                None => return Ok(texts),
            }
        }
        match list.next_element::<IgnoredAny>()? {
            Some(IgnoredAny) => {
                let limit = self.0.limit;
                let message = format!("input: expected at most {limit} texts, got more");
                Err(self.0.fail(RequestError::of("input", message)))
            }
            None => Ok(texts),
        }
    }
}

/// One text of a list. Its error explains that token ids, which other services accept, are refused.
struct InputText(String);

impl<'de> Deserialize<'de> for InputText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InputTextVisitor;

        impl Visitor<'_> for InputTextVisitor {
            type Value = InputText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(TEXT_ONLY)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<InputText, E> {
                Ok(InputText(text.to_owned()))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<InputText, E> {
                Ok(InputText(text))
            }
        }

        deserializer.deserialize_any(InputTextVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<EmbeddingsRequest, RequestError> {
        EmbeddingsRequest::from_json(body.as_bytes(), 3)
    }

    #[test]
    fn members_come_in_any_order() {
        let body = r#"{"user":"u","encoding_format":"base64","input":"a","metadata":{"a":"b"},"dimensions":384,"model":"m",
            "service_tier":"auto","store":false,"truncate":false,"truncate_prompt_tokens":-1,"truncation_direction":"right"}"#;
        let expected = EmbeddingsRequest {
            model: "m".to_owned(),
            input: vec!["a".to_owned()],
            encoding_format: EncodingFormat::Base64,
            dimensions: Some(384),
            truncation: Truncation::Refuse,
        };
        assert_eq!(read(body), Ok(expected));
        let nulls = RequestMember::OTHERS.map(|name| format!(r#""{name}":null"#)).join(",");
        let body = format!(r#"{{"input":["a","","é"],{nulls},"model":"m"}}"#);
        let request = read(&body).expect("nulls are nothing");
        assert_eq!(request.input, ["a", "", "é"]);
        assert_eq!((request.encoding_format, request.dimensions), (EncodingFormat::Float, None));
        assert_eq!(request.truncation, Truncation::End);
        assert_eq!(EmbeddingsRequest::model_of(body.as_bytes()).as_deref(), Ok("m"));
        for (truncate, expected) in
            [("true", Truncation::End), (r#""END""#, Truncation::End), (r#""NONE""#, Truncation::Refuse)]
        {
            let body = format!(r#"{{"model":"m","input":"a","truncate":{truncate}}}"#);
            assert_eq!(read(&body).map(|request| request.truncation), Ok(expected), "{truncate}");
        }
    }

    #[test]
    fn errors_name_the_member_and_never_the_payload() {
        let tokens = "expected a text (token ids are not taken here: each model has a tokenizer of its own; LangChain's \
                      OpenAIEmbeddings sends texts with check_embedding_ctx_length=False), got an integer";
        let list = tokens.replace("got an integer", "got a list");
        for (body, param, expected) in [
            ("", None, "not JSON: the body ends too early"),
            ("null", None, "expected an object, got null"),
            ("[]", None, "expected an object, got a list"),
            (r#"{"input":"a"}"#, Some("model"), "missing member \"model\""),
            (r#"{"model":"m"}"#, Some("input"), "missing member \"input\""),
            (r#"{"model":7,"input":"a"}"#, Some("model"), "model: expected a string, got an integer"),
            (r#"{"model":"m","input":7}"#, Some("input"), "input: expected a text or a list of texts, got an integer"),
            (r#"{"model":"m","input":null}"#, Some("input"), "input: expected a text or a list of texts, got null"),
            (r#"{"model":"m","input":["a",null]}"#, Some("input"), "input[1]: expected a text"),
            (r#"{"model":"m","input":["a","\ud83d"]}"#, Some("input"), "input[1]: half of a surrogate pair"),
            (r#"{"model":"m","input":"\ud83d"}"#, Some("input"), "input: half of a surrogate pair"),
            (r#"{"model":"m","input":[1,2]}"#, Some("input"), tokens),
            (r#"{"model":"m","input":[[1,2]]}"#, Some("input"), &list),
            (r#"{"model":"m","input":[]}"#, Some("input"), "input: expected at least one text, got none"),
            (r#"{"model":"m","input":["","","",""]}"#, Some("input"), "input: expected at most 3 texts, got more"),
            (r#"{"model":"m","input":"a","input":"b"}"#, None, "duplicate member \"input\""),
            (r#"{"model":"m","input":"a","user":"a","user":"a"}"#, None, "duplicate member \"user\""),
            (r#"{"model":"m","input":"a","dimensions":-1}"#, Some("dimensions"), "dimensions: expected a whole number"),
            (
                r#"{"model":"m","input":"a","dimensions":"SECRET"}"#,
                Some("dimensions"),
                "dimensions: expected a whole number",
            ),
            (r#"{"model":"m","input":"a","encoding_format":"SECRET"}"#, Some("encoding_format"), "got another text"),
            (r#"{"model":"m","input":"a","truncate":"START"}"#, Some("truncate"), "truncate: expected true or \"END\""),
            (r#"{"model":"m","input":"a","truncate_prompt_tokens":16}"#, Some("truncate_prompt_tokens"), "none or -1"),
            (r#"{"model":"m","input":"a","truncation_direction":"left"}"#, Some("truncation_direction"), "\"right\""),
            (r#"{"model":"m","input":"a","store":true}"#, Some("store"), "store: expected false"),
            (r#"{"model":"m","input":"a","input_type":"SECRET"}"#, Some("input_type"), "unknown member \"input_type\""),
            (r#"{"model":"m","input":"a"} SECRET"#, None, "not JSON: trailing characters"),
        ] {
            let error = read(body).expect_err(body);
            assert!(error.message.contains(expected), "{body}: {error}");
            assert!(!error.message.contains("SECRET"), "{error}");
            assert_eq!(error.param.as_deref(), param, "{body}");
        }
        // Each is in its place.
        for name in RequestMember::OTHERS {
            let error = read(&format!(r#"{{"model":"m","input":"a","{name}":[]}}"#)).expect_err(name);
            assert_eq!(error.param.as_deref(), Some(name));
        }
    }
}
