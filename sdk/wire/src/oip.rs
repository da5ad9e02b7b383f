//! Open Inference Protocol v2, the JSON form of its REST messages.
//!
//! Source: the protocol's `inference_rest.md`, and "Tensor Data" of its `required_api.md`: a server may coerce values or refuse
//! them, and ours refuses, but for FP16 and FP32, whose nearest value is taken: FP16 has no form of its own in JSON and is written
//! as any other number. Tensors as bytes behind the JSON are in `binary`, what Triton's clients ask for beyond that in [`triton`].

mod binary;
mod parameters;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod stated;
pub mod triton;

pub use self::binary::{Encoded, Form, Forms, HEADER_LENGTH, MEDIA_TYPE};
pub use self::stated::StatedDatatype;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::Tensor;
use crate::json::Fault;
use crate::tensor::TensorError;
use crate::tensor_json;

/// `POST /v2/models/{model}[/versions/{version}]/infer`.
///
/// ```
/// use amaas_wire::{Tensor, TensorData, oip::InferRequest};
///
/// let body = br#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[0.5,1]}]}"#;
/// let request = InferRequest::from_json(body)?;
/// assert_eq!(request.inputs[0].data(), &TensorData::from(vec![0.5_f32, 1.0]));
/// # Ok::<(), amaas_wire::oip::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "schema::Request"))]
pub struct InferRequest {
    /// The caller's own id for the request; echoed.
    pub id: Option<String>,
    /// Input tensors, in any order.
    pub inputs: Vec<Tensor>,
    /// Names of the outputs wanted; `None` asks for all of them.
    pub outputs: Option<Vec<String>>,
}

impl InferRequest {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`DecodeError`] names the place and the reason, never a value of the payload.
    pub fn from_json(body: &[u8]) -> Result<Self, DecodeError> {
        Self::read(body, None).map(|(request, _)| request)
    }
}

impl InferRequest {
    fn serialize_with<S: Serializer>(&self, serializer: S, form: Form) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("InferRequest", 4)?;
        if let Some(id) = &self.id {
            body.serialize_field("id", id)?;
        }
        let inputs: Vec<_> = self.inputs.iter().map(|input| WrittenTensor(input, form)).collect();
        body.serialize_field("inputs", &inputs)?;
        if let Some(outputs) = &self.outputs {
            let outputs: Vec<_> = outputs.iter().map(|name| NamedOutput { name }).collect();
            body.serialize_field("outputs", &outputs)?;
        }
        if form == Form::Binary {
            body.serialize_field("parameters", &WrittenForm { binary_data_output: true })?;
        }
        body.end()
    }
}

/// As JSON to its end.
impl Serialize for InferRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_with(serializer, Form::Json)
    }
}

/// The answer to an [`InferRequest`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "schema::Response"))]
pub struct InferResponse {
    /// The model that answered.
    pub model_name: String,
    /// The version that answered.
    pub model_version: Option<String>,
    /// The request's id, where it had one.
    pub id: Option<String>,
    /// Output tensors.
    pub outputs: Vec<Tensor>,
}

impl InferResponse {
    /// Reads a response body.
    ///
    /// # Errors
    /// [`DecodeError`] names the place and the reason.
    pub fn from_json(body: &[u8]) -> Result<Self, DecodeError> {
        Self::read(body, None)
    }
}

impl Serialize for InferResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_with(serializer, &Forms::default())
    }
}

/// `GET /v2`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ServerMetadata {
    /// The server's name.
    pub name: String,
    /// The server's version.
    pub version: String,
    /// Protocol extensions that it speaks.
    pub extensions: Vec<String>,
}

/// `GET /v2/models/{model}[/versions/{version}]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ModelMetadata {
    /// The model's name.
    pub name: String,
    /// The versions that this server answers for.
    pub versions: Vec<String>,
    /// Framework and format, `onnxruntime_onnx`.
    pub platform: String,
    /// Input tensors.
    pub inputs: Vec<TensorMetadata>,
    /// Output tensors.
    pub outputs: Vec<TensorMetadata>,
}

/// Name, datatype and shape of a tensor that a network takes or gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TensorMetadata {
    /// The tensor's name.
    pub name: String,
    /// The datatype of every value.
    #[cfg_attr(feature = "schema", schemars(with = "crate::Datatype"))]
    pub datatype: StatedDatatype,
    /// Dimensions, outermost first; −1 stands for any size.
    pub shape: Vec<i64>,
}

/// `GET /v2/health/live`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Live {
    /// Whether the process answers at all.
    pub live: bool,
}

/// `GET /v2/health/ready` and `/v2/models/{model}/ready`. The protocol asks for the status code only; the rest says why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ready {
    /// The model, for the routes that name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether calls will be answered.
    pub ready: bool,
    /// The execution provider in use, once ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_provider: Option<String>,
    /// Why it is not ready, or what was asked for and could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The protocol's error body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OpenInferenceError"))]
pub struct ErrorBody {
    /// What went wrong.
    pub error: String,
}

/// Why a body could not be read. The text never holds a value of the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not JSON, or not the JSON that was expected here.
    #[error("{0}")]
    Json(String),
    /// A tensor in it is not well formed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A parameter of a request that asks for what is not here.
    #[error("the parameter `{parameter}` of the request is not taken here")]
    #[allow(missing_docs)]
    Parameter { parameter: String },
    /// A text that goes back out is longer than it may be.
    #[error("{what} has {got} bytes, expected at most {expected}")]
    #[allow(missing_docs)] // the fields are what the message says
    Long { what: &'static str, expected: usize, got: usize },
    /// The JSON ends behind the end of the body.
    #[error("Inference-Header-Content-Length is {header}, but the body has {body} bytes")]
    #[allow(missing_docs)]
    Header { header: usize, body: usize },
    /// There are bytes that belong to no tensor.
    #[error("the body has {got} bytes of binary data, expected {expected}, which is the sum of all binary_data_size")]
    #[allow(missing_docs)]
    Rest { expected: usize, got: usize },
    /// More entries than a call may have; reading stopped there.
    #[error("inputs: expected at most {expected} entries, got more")]
    #[allow(missing_docs)]
    Inputs { expected: usize },
}

impl DecodeError {
    /// Says where in `body` what is wrong, without the payload values and the types that `serde_json`'s own text can hold.
    pub fn json(body: &[u8], error: &serde_json::Error) -> Self {
        Self::Json(Fault::of(body, error).message)
    }
}

/// A tensor in the message; a wrapper, because a tensor alone does not say how it is to be written.
struct WrittenTensor<'a>(&'a Tensor, Form);

impl Serialize for WrittenTensor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("Tensor", 4)?;
        body.serialize_field("name", self.0.name())?;
        body.serialize_field("datatype", &self.0.datatype())?;
        body.serialize_field("shape", self.0.shape())?;
        match self.1 {
            Form::Json => body.serialize_field("data", &JsonData(self.0))?,
            Form::Binary => {
                body.serialize_field("parameters", &WrittenSize { binary_data_size: self.0.byte_len() })?;
            }
        }
        body.end()
    }
}

#[derive(Serialize)]
struct WrittenSize {
    binary_data_size: usize,
}

#[derive(Serialize)]
struct WrittenForm {
    binary_data_output: bool,
}

struct JsonData<'a>(&'a Tensor);

impl Serialize for JsonData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        tensor_json::encode(self.0, serializer)
    }
}

#[derive(Serialize)]
struct NamedOutput<'a> {
    name: &'a str,
}

/// Refuses a text that is echoed and is longer than `most` bytes.
fn short(what: &'static str, text: Option<&str>, most: usize) -> Result<(), DecodeError> {
    match text.map(str::len) {
        Some(got) if got > most => Err(DecodeError::Long { what, expected: most, got }),
        _ => Ok(()),
    }
}

/// The most bytes of a request's id, which is echoed.
const MAX_ID: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> String {
        InferRequest::from_json(body.as_bytes()).expect_err(body).to_string()
    }

    #[test]
    fn requests_round_trip() {
        let request = InferRequest {
            id: Some("7".to_owned()),
            inputs: vec![
                Tensor::new("a", vec![1, 2], vec![0.1_f32, -2.5]).expect("two values"),
                Tensor::new("b", vec![2], vec!["x".to_owned(), "é".to_owned()]).expect("two values"),
            ],
            outputs: Some(vec!["y".to_owned()]),
        };
        let body = serde_json::to_vec(&request).expect("a request is JSON");
        assert_eq!(InferRequest::from_json(&body), Ok(request));
    }

    #[test]
    fn members_come_in_any_order() {
        let body =
            br#"{"inputs":[{"data":[1],"shape":[1],"datatype":"INT8","name":"x","parameters":{}}],"parameters":{}}"#;
        assert!(InferRequest::from_json(body).is_ok());
    }

    #[test]
    fn errors_say_what_and_where_but_never_the_payload() {
        assert_eq!(error(""), "not JSON: the body ends too early, at line 1 column 0");
        assert!(error("hello").starts_with("not JSON: expected value at line 1"), "{}", error("hello"));
        assert_eq!(error("{}"), "missing member \"inputs\", at line 1 column 2");
        for body in [
            r#"{"inputs":"SECRET"}"#,
            r#"{"inputs":["SECRET, expected SECRET"]}"#,
            r#"{"inputs":[{"name":"x","datatype":"SECRET","shape":[1],"data":[1]}]}"#,
            r#"{"inputs":[{"name":"x","datatype":"INT8","shape":["SECRET"],"data":[1]}]}"#,
            r#"{"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":["SECRET"]}]}"#,
            r#"{"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":"SECRET"}]}"#,
        ] {
            assert!(!error(body).contains("SECRET"), "{}", error(body));
        }
        assert_eq!(
            error(r#"{"inputs":[{"name":"x","datatype":"INT8","shape":[-1],"data":[1]}]}"#),
            "tensor \"x\": dimension 0 of the shape is negative"
        );
    }

    #[test]
    fn what_is_echoed_is_short() {
        let name = |bytes| "n".repeat(bytes);
        let input = |name: &str| format!(r#"{{"name":"{name}","datatype":"INT8","shape":[1],"data":[1]}}"#);
        let body = |id: &str, input: &str, output: &str| {
            format!(r#"{{"id":"{id}","inputs":[{input}],"outputs":[{{"name":"{output}"}}]}}"#)
        };
        let fits = body(&name(1024), &input(&name(256)), &name(256));
        assert!(InferRequest::from_json(fits.as_bytes()).is_ok());
        for (body, expected) in [
            (body(&name(1025), &input("x"), "y"), "id has 1025 bytes, expected at most 1024"),
            (body("", &input(&name(257)), "y"), "a tensor's name has 257 bytes, expected at most 256"),
            (body("", &input("x"), &name(257)), "the name of an output has 257 bytes, expected at most 256"),
        ] {
            assert_eq!(error(&body), expected);
        }
    }

    #[test]
    fn infinities_are_an_error_not_a_null() {
        let outputs = vec![Tensor::new("y", vec![1], vec![f32::NAN]).expect("one value")];
        let response = InferResponse { model_name: "m".to_owned(), model_version: None, id: None, outputs };
        assert!(serde_json::to_vec(&response).expect_err("NaN").to_string().contains("\"y\""));
    }
}
