//! The native route, `POST /v1/models/{model}/predict`: the task's own typed JSON.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::decode::{DecodeError, from_json};
use crate::problem::Problem;

/// The request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "I: Deserialize<'de>, P: Deserialize<'de>"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PredictRequest<I, P = NoParameters> {
    /// The inputs of the task. The predictions have the same order.
    pub inputs: Vec<I>,
    /// The parameters of the task, for all inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<P>,
    /// Whether a bad input fails alone: its prediction is then an object with `error`. Default: it fails the call.
    #[serde(default, skip_serializing_if = "is_false")]
    pub partial: bool,
}

/// The parameters of a task that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NoParameters {}

impl<I: DeserializeOwned, P: DeserializeOwned> PredictRequest<I, P> {
    /// Reads a request body of at most `limit` inputs. Reading stops at the first input beyond.
    ///
    /// ```
    /// use amaas_wire::predict::{NoParameters, PredictRequest};
    ///
    /// let body = br#"{"inputs":["a","b"]}"#;
    /// assert_eq!(PredictRequest::<String, NoParameters>::from_json(body, 2)?.inputs, ["a", "b"]);
    /// let error = PredictRequest::<String, NoParameters>::from_json(body, 1).expect_err("two");
    /// assert_eq!(error.to_string(), "inputs: expected at most 1 entries, got more");
    /// # Ok::<(), amaas_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// [`DecodeError`] names the place and the reason, never a value of the payload.
    pub fn from_json(body: &[u8], limit: usize) -> Result<Self, DecodeError> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let (mut more, mut at) = (false, None);
        let request = RequestVisitor { limit, more: &mut more, at: &mut at, entry: PhantomData }.deserialize(&mut json);
        match request.and_then(|request| json.end().map(|()| request)) {
            Err(_) if more => Err(DecodeError::Inputs { expected: limit }),
            read => read.map_err(|error| of_entry(DecodeError::json(body, &error), at)),
        }
    }

    /// Reads a request body as [`from_json`](Self::from_json) does. If the client asks for partial answers, an input that cannot be
    /// read is an error of its own.
    ///
    /// ```
    /// use amaas_wire::predict::{NoParameters, PredictRequest};
    ///
    /// let body = br#"{"inputs":["a",7],"partial":true}"#;
    /// let read = PredictRequest::<String, NoParameters>::each_from_json(body, 2)?;
    /// assert!(read.inputs[0].is_ok());
    /// let error = read.inputs[1].as_ref().expect_err("a number").to_string();
    /// assert_eq!(error, "expected a string, got an integer, at line 1 column 1");
    /// # Ok::<(), amaas_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn each_from_json(body: &[u8], limit: usize) -> Result<PredictRequest<Result<I, DecodeError>, P>, DecodeError> {
        let error = match Self::from_json(body, limit) {
            Ok(Self { inputs, parameters, partial }) => {
                return Ok(PredictRequest { inputs: inputs.into_iter().map(Ok).collect(), parameters, partial });
            }
            Err(error) => error,
        };
        match PredictRequest::<Box<RawValue>, P>::from_json(body, limit) {
            Ok(PredictRequest { inputs, parameters, partial: true }) => {
                let each = |input: Box<RawValue>| from_json::<I>(input.get().as_bytes());
                Ok(PredictRequest { inputs: inputs.into_iter().map(each).collect(), parameters, partial: true })
            }
            _ => Err(error),
        }
    }
}

/// The entry of `predictions` for an input that failed, if the client asked for partial answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FailedPrediction {
    /// Why it failed: the error that the call would have had without `partial`.
    pub error: Problem,
}

/// Adds the index of the entry at fault. An error after an entry was read has the position of the list only.
fn of_entry(error: DecodeError, at: Option<usize>) -> DecodeError {
    match (&error, at) {
        (DecodeError::Json(text), Some(index)) => match text.strip_prefix("inputs: ") {
            Some(rest) => DecodeError::Json(format!("inputs[{index}]: {rest}")),
            None => error,
        },
        _ => error,
    }
}

/// The response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PredictResponse<P> {
    /// One prediction for each input, in the order of the inputs.
    pub predictions: Vec<P>,
    /// The model that answered.
    pub model: String,
    /// The version that answered.
    pub version: String,
    /// The indexes of the inputs that were cut, because they are longer than the network reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<usize>,
    /// The usage of the call.
    pub usage: Usage,
}

/// The usage of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Usage {
    /// Rows that the network processed: one for each input of `predict`, the batch dimension of `infer`.
    pub rows: u64,
    /// Milliseconds from the first byte read to the answer, without loading the model, rounded up.
    pub billed_ms: u64,
    /// Tokens that the network processed, if the task counts tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

impl Usage {
    /// A usage of `rows` and `billed_ms`.
    pub fn new(rows: u64, billed_ms: u64) -> Self {
        Self { rows, billed_ms, tokens: None }
    }

    /// The units that are charged: tokens if they are counted, else rows. There are at least as many units as rows, and at least one.
    pub fn units(&self) -> u64 {
        self.tokens.unwrap_or_default().max(self.rows).max(1)
    }

    /// The same, with the tokens that the network processed.
    #[must_use]
    pub fn with_tokens(self, tokens: u64) -> Self {
        Self { tokens: Some(tokens), ..self }
    }
}

/// `GET /v1/models`: OpenAI's list shape, with fields of amaas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ModelList {
    /// Always `list`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    pub object: String,
    /// The models that the key may use.
    pub data: Vec<ModelEntry>,
}

/// One model of a [`ModelList`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ModelEntry {
    /// The model's name.
    pub id: String,
    /// Always `model`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "model")))]
    pub object: String,
    /// When the version was published, in seconds since 1970; 0 until it is loaded.
    #[serde(default)]
    pub created: u64,
    /// Always `amaas`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = "amaas")))]
    pub owned_by: String,
    /// The version that is served; empty until it is loaded.
    pub version: String,
    /// The task; `tensor` for a network without one.
    pub task: String,
    /// The pipeline: the task by its name at Hugging Face, or the owner's own task. Absent for a network without a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// The routes that call the model, such as `/v1/embeddings`; none until it is loaded.
    #[serde(default)]
    pub routes: Vec<String>,
    /// Whether the model answers calls.
    pub ready: bool,
}

/// Reads a [`PredictRequest`], and stops at one input too many, because a short body can hold millions.
struct RequestVisitor<'a, I, P> {
    limit: usize,
    /// Whether there was one input too many; serde's own errors carry only text.
    more: &'a mut bool,
    /// The entry that could not be read.
    at: &'a mut Option<usize>,
    entry: PhantomData<(I, P)>,
}

impl<'de, I: Deserialize<'de>, P: Deserialize<'de>> DeserializeSeed<'de> for RequestVisitor<'_, I, P> {
    type Value = PredictRequest<I, P>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, I: Deserialize<'de>, P: Deserialize<'de>> Visitor<'de> for RequestVisitor<'_, I, P> {
    type Value = PredictRequest<I, P>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let (mut inputs, mut parameters, mut partial) = (None, None, None);
        while let Some(member) = members.next_key::<RequestMember>()? {
            // The entry is that of an error in the list, and of no later one.
            *self.at = None;
            match member {
                RequestMember::Inputs if inputs.is_some() => return Err(A::Error::duplicate_field("inputs")),
                RequestMember::Parameters if parameters.is_some() => {
                    return Err(A::Error::duplicate_field("parameters"));
                }
                RequestMember::Partial if partial.is_some() => return Err(A::Error::duplicate_field("partial")),
                RequestMember::Inputs => {
                    let seed =
                        Inputs { limit: self.limit, more: &mut *self.more, at: &mut *self.at, entry: PhantomData };
                    inputs = Some(members.next_value_seed(seed)?);
                }
                RequestMember::Parameters => parameters = Some(members.next_value::<Option<P>>()?),
                RequestMember::Partial => partial = Some(members.next_value()?),
            }
        }
        Ok(PredictRequest {
            inputs: inputs.ok_or_else(|| A::Error::missing_field("inputs"))?,
            parameters: parameters.flatten(),
            partial: partial.unwrap_or_default(),
        })
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum RequestMember {
    Inputs,
    Parameters,
    Partial,
}

/// Reads the list of a [`RequestVisitor`].
struct Inputs<'a, I> {
    limit: usize,
    more: &'a mut bool,
    /// The entry that could not be read.
    at: &'a mut Option<usize>,
    entry: PhantomData<I>,
}

impl<'de, I: Deserialize<'de>> DeserializeSeed<'de> for Inputs<'_, I> {
    type Value = Vec<I>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<I>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, I: Deserialize<'de>> Visitor<'de> for Inputs<'_, I> {
    type Value = Vec<I>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<I>, A::Error> {
        let mut inputs = Vec::new();
        while inputs.len() < self.limit {
            match list.next_element() {
                Ok(Some(input)) => inputs.push(input),
                Ok(None) => return Ok(inputs),
                Err(error) => {
                    *self.at = Some(inputs.len());
                    return Err(error);
                }
            }
        }
        *self.more = list.next_element::<IgnoredAny>()?.is_some();
        if *self.more { Err(A::Error::custom("more")) } else { Ok(inputs) }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the form that `serde` calls
fn is_false(value: &bool) -> bool {
    !value
}

/// The header with the usage of an `infer` call, whose body has no member for it.
pub const USAGE_ROWS: &str = "amaas-usage-rows";
/// See [`USAGE_ROWS`].
pub const USAGE_BILLED_MS: &str = "amaas-usage-billed-ms";
/// See [`USAGE_ROWS`]; only if the task counts tokens.
pub const USAGE_TOKENS: &str = "amaas-usage-tokens";
/// The header with the request id, on requests (if the client chose one) and on every answer.
pub const REQUEST_ID: &str = "x-request-id";
/// The header with the idempotency key: one for each logical call, the same on every attempt.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// On an answer: a replay of the answer to an earlier call with the same idempotency key. Nothing ran again.
pub const IDEMPOTENCY_REPLAYED: &str = "idempotency-replayed";
/// On a refusal: no part of the request was processed, so a retry without an idempotency key is safe.
pub const NOT_PROCESSED: &str = "amaas-not-processed";

#[cfg(test)]
mod tests;
