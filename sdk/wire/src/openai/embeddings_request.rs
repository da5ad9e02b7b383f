//! The request of `POST /v1/embeddings`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::embedding_input::EmbeddingInput;
use super::encoding_format::EncodingFormat;
use super::error::RequestError;
use super::limits::check_model_name;
use super::list_request::{ListRequest, OtherMembers};
use super::member::{self, Member, MemberEffect};
use super::truncation::{self, Truncation, truncation};

/// `POST /v1/embeddings`. Unknown members are refused, and so are values of known ones that would change the answer and are not
/// supported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "super::schema::JsonEmbeddingsRequest"))]
pub struct EmbeddingsRequest {
    /// The model's name.
    pub model: String,
    /// What is embedded.
    pub input: EmbeddingInput,
    /// The encoding of the vectors.
    pub encoding_format: EncodingFormat,
    /// The length of the vectors that the client asks for.
    pub dimensions: Option<usize>,
    /// The name of the prompt that is put before each text.
    pub prompt_name: Option<String>,
    /// Whether a text of more tokens than the model reads is truncated.
    pub truncation: Truncation,
}

impl EmbeddingsRequest {
    /// The members that the route takes.
    pub const MEMBERS: &[Member] = &MEMBERS;

    /// Reads a request body of at most `limit` inputs. Reading stops at the first input beyond.
    ///
    /// ```
    /// use amaas_wire::openai::{EmbeddingInput, EmbeddingsRequest};
    ///
    /// let request = EmbeddingsRequest::from_json(br#"{"model":"embed","input":["a","b"]}"#, 2)?;
    /// assert_eq!((request.model.as_str(), request.input.len()), ("embed", 2));
    /// let request = EmbeddingsRequest::from_json(br#"{"model":"embed","input":[101,102]}"#, 2)?;
    /// assert_eq!(request.input, EmbeddingInput::TokenIds(vec![vec![101, 102]]));
    /// let error = EmbeddingsRequest::from_json(br#"{"model":"embed","input":[1.5]}"#, 2).expect_err("a fraction");
    /// assert_eq!(error.param.as_deref(), Some("input"));
    /// # Ok::<(), amaas_wire::openai::RequestError>(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError`] names the member and the reason, never a value of the payload.
    pub fn from_json(body: &[u8], limit: usize) -> Result<Self, RequestError> {
        let ListRequest { model, list: input, others } = ListRequest::from_json(body, &NAMES, limit)?;
        others.check_description()?;
        refuse_other_cuts(&others)?;
        Ok(Self {
            model,
            input,
            encoding_format: encoding_format(others.value(&ENCODING_FORMAT))?,
            dimensions: member::optional("dimensions", others.value(&DIMENSIONS), "a whole number")?,
            prompt_name: member::optional("prompt_name", others.value(&PROMPT_NAME), "a text")?,
            truncation: truncation(&others)?,
        })
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

fn refuse_other_cuts(others: &OtherMembers<'_>) -> Result<(), RequestError> {
    let (most, direction) = (others.value(&TRUNCATE_PROMPT_TOKENS), others.value(&TRUNCATION_DIRECTION));
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

const ENCODING_FORMAT: Member = Member::new(
    "encoding_format",
    MemberEffect::Honoured,
    "`\"float\"` for lists of numbers, the default; `\"base64\"` for little-endian 32-bit floats",
);
const DIMENSIONS: Member = Member::new(
    "dimensions",
    MemberEffect::Honoured,
    "the length of the vectors. Pipelines cut a vector and normalise it; other models take their own length only",
);
const PROMPT_NAME: Member = Member::new(
    "prompt_name",
    MemberEffect::Honoured,
    "the name of a prompt of the model, which is put before each text",
);
const TRUNCATE_PROMPT_TOKENS: Member = Member::new(
    "truncate_prompt_tokens",
    MemberEffect::Fixed,
    "`-1`: a text is cut to the length that the model reads",
);
const TRUNCATION_DIRECTION: Member =
    Member::new("truncation_direction", MemberEffect::Fixed, "`\"right\"`: a text is cut at its end");
const MEMBERS: [Member; 15] = [
    Member::new("model", MemberEffect::Required, "the model's name"),
    Member::new(
        "input",
        MemberEffect::Required,
        "a text, a list of texts, the token ids of a text, or a list of those; token ids are for pipelines only",
    ),
    ENCODING_FORMAT,
    DIMENSIONS,
    PROMPT_NAME,
    truncation::TRUNCATE,
    truncation::TRUNCATION,
    TRUNCATE_PROMPT_TOKENS,
    TRUNCATION_DIRECTION,
    member::USER,
    member::SAFETY_IDENTIFIER,
    member::PROMPT_CACHE_KEY,
    member::METADATA,
    member::SERVICE_TIER,
    member::STORE,
];
const NAMES: [&str; MEMBERS.len()] = member::names(&MEMBERS);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<EmbeddingsRequest, RequestError> {
        EmbeddingsRequest::from_json(body.as_bytes(), 3)
    }

    #[test]
    fn members_come_in_any_order() {
        let body = r#"{"user":"u","encoding_format":"base64","input":"a","metadata":{"a":"b"},"dimensions":384,"model":"m","prompt_name":"query",
            "safety_identifier":"s","prompt_cache_key":"k",
            "service_tier":"auto","store":false,"truncate":false,"truncate_prompt_tokens":-1,"truncation_direction":"right"}"#;
        let expected = EmbeddingsRequest {
            model: "m".to_owned(),
            input: EmbeddingInput::Texts(vec!["a".to_owned()]),
            encoding_format: EncodingFormat::Base64,
            dimensions: Some(384),
            prompt_name: Some("query".to_owned()),
            truncation: Truncation::Refuse,
        };
        assert_eq!(read(body), Ok(expected));
        let nulls: Vec<_> = MEMBERS[2..].iter().map(|member| format!(r#""{}":null"#, member.name)).collect();
        let nulls = nulls.join(",");
        let body = format!(r#"{{"input":["a","","é"],{nulls},"model":"m"}}"#);
        let request = read(&body).expect("nulls are nothing");
        assert_eq!(request.input, EmbeddingInput::Texts(["a", "", "é"].map(str::to_owned).to_vec()));
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
        for (body, param, expected) in [
            ("", None, "not JSON: the body ends too early"),
            ("null", None, "expected an object, got null"),
            ("[]", None, "expected an object, got a list"),
            (r#"{"input":"a"}"#, Some("model"), "missing member \"model\""),
            (r#"{"model":"m"}"#, Some("input"), "missing member \"input\""),
            (r#"{"model":7,"input":"a"}"#, Some("model"), "model: expected a string, got an integer"),
            (r#"{"model":"m","input":7}"#, Some("input"), "input: expected a text or a list, got an integer"),
            (r#"{"model":"m","input":null}"#, Some("input"), "input: expected a text or a list, got null"),
            (r#"{"model":"m","input":["a",null]}"#, Some("input"), "input[1]: expected a text"),
            (r#"{"model":"m","input":["a","\ud83d"]}"#, Some("input"), "input[1]: half of a surrogate pair"),
            (r#"{"model":"m","input":"\ud83d"}"#, Some("input"), "input: half of a surrogate pair"),
            (
                r#"{"model":"m","input":[1,-2]}"#,
                Some("input"),
                "input[1]: expected a token id, got an integer out of range",
            ),
            (
                r#"{"model":"m","input":[4294967296]}"#,
                Some("input"),
                "input[0]: expected a token id, got an integer out of",
            ),
            (r#"{"model":"m","input":[1,"a"]}"#, Some("input"), "input[1]: expected a token id, got a string"),
            (r#"{"model":"m","input":[1,[2]]}"#, Some("input"), "input[1]: expected a token id, got a list"),
            (r#"{"model":"m","input":["a",1]}"#, Some("input"), "input[1]: expected a text, got an integer"),
            (r#"{"model":"m","input":[1.5]}"#, Some("input"), "input[0]: expected a text, a token id or a list"),
            (
                r#"{"model":"m","input":[[1],"a"]}"#,
                Some("input"),
                "input[1]: expected a list of token ids, got a string",
            ),
            (r#"{"model":"m","input":[[1],["a"]]}"#, Some("input"), "input[1][0]: expected a token id, got a string"),
            (r#"{"model":"m","input":[[]]}"#, Some("input"), "input[0]: expected at least one token id, got none"),
            (r#"{"model":"m","input":[[1],[1],[1],[1]]}"#, Some("input"), "input: expected at most 3 inputs, got more"),
            (r#"{"model":"m","input":[]}"#, Some("input"), "input: expected at least one input, got none"),
            (r#"{"model":"m","input":["","","",""]}"#, Some("input"), "input: expected at most 3 inputs, got more"),
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
            (r#"{"model":"m","input":"a","store":"a"}"#, Some("store"), "store: expected true or false"),
            (r#"{"model":"m","input":"a","input_type":"SECRET"}"#, Some("input_type"), "unknown member \"input_type\""),
            (r#"{"model":"m","input":"a"} SECRET"#, None, "not JSON: trailing characters"),
        ] {
            let error = read(body).expect_err(body);
            assert!(error.message.contains(expected), "{body}: {error}");
            assert!(!error.message.contains("SECRET"), "{error}");
            assert_eq!(error.param.as_deref(), param, "{body}");
        }
        // Each is in its place.
        for Member { name, .. } in &MEMBERS[2..] {
            let error = read(&format!(r#"{{"model":"m","input":"a","{name}":[]}}"#)).expect_err(name);
            assert_eq!(error.param.as_deref(), Some(*name));
        }
    }
}
