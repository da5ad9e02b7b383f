//! The binary tensor data extension: tensors as bytes behind the JSON of a message, in the order in which the JSON names them.
//!
//! Source: `extension_binary_data.md` of Triton, which `KServe` has as "Binary Tensor Data Extension". A header says how many bytes
//! the JSON has, `binary_data_size` how many of what follows belong to a tensor, and `binary_data` and `binary_data_output` which
//! outputs are wanted so. Its raw form, where the body is one tensor and nothing else, needs to know the model and is not here.

use bytes::Bytes;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer, de::IgnoredAny};
use serde_json::value::RawValue;

use super::parameters::{OutputParameters, RequestParameters, TensorParameters};
use super::{DecodeError, InferRequest, InferResponse, MAX_ID, WrittenTensor, short};
use crate::tensor::{MAX_NAME, TensorError, stated};
use crate::{Tensor, json, tensor_json};

/// The header that says how many bytes of a body are JSON. Without it all are.
pub const HEADER_LENGTH: &str = "inference-header-content-length";
/// The content type of a body that is not JSON to its end.
pub const MEDIA_TYPE: &str = "application/octet-stream";

/// How a tensor is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As numbers or texts in the JSON.
    #[default]
    Json,
    /// As bytes behind the JSON.
    Binary,
}

/// How each output of a call is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    usual: Form,
    named: Vec<(String, Form)>,
}

impl Forms {
    /// All outputs in the form `form`.
    pub fn all(form: Form) -> Self {
        Self { usual: form, named: Vec::new() }
    }

    /// The form of the output `name`.
    pub fn of(&self, name: &str) -> Form {
        self.named.iter().find(|(named, _)| named == name).map_or(self.usual, |(_, form)| *form)
    }
}

/// A message as it leaves, in pieces: tensors as bytes are not copied together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The JSON.
    pub json: Bytes,
    /// The tensors behind it; `None` where all of the body is JSON.
    pub tensors: Option<Vec<Bytes>>,
}

impl Encoded {
    /// What [`HEADER_LENGTH`] has to say; `None` where all of the body is JSON.
    pub fn header_length(&self) -> Option<usize> {
        self.tensors.as_ref().map(|_| self.json.len())
    }

    /// The body, one piece after the other.
    pub fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        std::iter::once(self.json).chain(self.tensors.into_iter().flatten())
    }

    /// The body in one piece.
    pub fn into_body(self) -> Bytes {
        match self.tensors {
            None => self.json,
            Some(tensors) => [vec![self.json], tensors].concat().concat().into(),
        }
    }
}

impl InferRequest {
    /// Reads a request body of which the first `header` bytes are JSON, or all of it where nobody says so; and the forms in which
    /// it asks for outputs.
    ///
    /// ```
    /// use amaas_wire::oip::{Form, InferRequest};
    ///
    /// let json = r#"{"inputs":[{"name":"x","datatype":"UINT8","shape":[2],"parameters":{"binary_data_size":2}}],
    ///                "parameters":{"binary_data_output":true}}"#;
    /// let body = [json.as_bytes(), &[7, 9]].concat().into();
    /// let (request, forms) = InferRequest::from_http(&body, Some(json.len()))?;
    /// assert_eq!((request.inputs[0].shape(), forms.of("y")), (&[2][..], Form::Binary));
    /// # Ok::<(), amaas_wire::oip::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// [`DecodeError`] names the place and the reason, never a value of the payload.
    pub fn from_http(body: &Bytes, header: Option<usize>) -> Result<(Self, Forms), DecodeError> {
        let (json, rest) = split(body, header)?;
        Self::read(json, rest)
    }

    /// Writes the request with every input as bytes, and has every output come as bytes.
    ///
    /// Behind the JSON stand as many spaces as it takes for the first input to begin at a multiple of 16 bytes, so that a server
    /// that has the body at such an address need not copy it.
    ///
    /// # Panics
    /// Never: names, numbers and texts can be written as JSON.
    pub fn to_http(&self) -> (Vec<u8>, usize) {
        let mut body = serde_json::to_vec(&AsBytes(self)).expect("there is no value in it that JSON has no form for");
        body.resize(body.len().next_multiple_of(ALIGNMENT), b' ');
        let header = body.len();
        body.reserve_exact(self.inputs.iter().map(Tensor::byte_len).sum());
        self.inputs.iter().for_each(|input| input.write_bytes(&mut body));
        (body, header)
    }

    /// Reads `json`, with the bytes of tensors in `rest`.
    pub(super) fn read(json: &[u8], rest: Option<Bytes>) -> Result<(Self, Forms), DecodeError> {
        let raw: RawRequest<'_> = json::read(json)?;
        short("id", raw.id.as_deref(), MAX_ID)?;
        let parameters = raw.parameters.unwrap_or_default();
        parameters.check()?;
        let inputs = tensors(raw.inputs, rest)?;
        let usual = form(parameters.binary_data_output);
        let mut forms = Forms::all(usual.unwrap_or_default());
        for RawOutput { name, parameters } in raw.outputs.iter().flatten() {
            short("the name of an output", Some(name), MAX_NAME)?;
            let Some(parameters) = parameters else { continue };
            if let Some(parameter) = &parameters.other {
                return Err(TensorError::Parameter { tensor: name.clone(), parameter: parameter.clone() }.into());
            }
            forms.named.extend(form(parameters.binary_data).map(|form| (name.clone(), form)));
        }
        let outputs = raw.outputs.map(|outputs| outputs.into_iter().map(|output| output.name).collect());
        Ok((Self { id: raw.id, inputs, outputs }, forms))
    }
}

impl InferResponse {
    /// Reads a response body of which the first `header` bytes are JSON, or all of it where nobody says so.
    ///
    /// # Errors
    /// [`DecodeError`] names the place and the reason.
    pub fn from_http(body: &Bytes, header: Option<usize>) -> Result<Self, DecodeError> {
        let (json, rest) = split(body, header)?;
        Self::read(json, rest)
    }

    /// Reads `json`, with the bytes of tensors in `rest`.
    pub(super) fn read(json: &[u8], rest: Option<Bytes>) -> Result<Self, DecodeError> {
        let raw: RawResponse<'_> = json::read(json)?;
        let outputs = tensors(raw.outputs, rest)?;
        Ok(Self { model_name: raw.model_name, model_version: raw.model_version, id: raw.id, outputs })
    }

    /// Writes the response with each output in its form.
    ///
    /// # Errors
    /// Where a value that goes into the JSON has no form there: NaN, an infinity, any of BF16. As bytes it has one.
    pub fn into_http(self, forms: &Forms) -> Result<Encoded, serde_json::Error> {
        let json = serde_json::to_vec(&Written { response: &self, forms })?.into();
        let binary = self.outputs.into_iter().filter(|output| forms.of(output.name()) == Form::Binary);
        let tensors: Vec<_> = binary.map(Tensor::into_bytes).collect();
        Ok(Encoded { json, tensors: Some(tensors).filter(|tensors| !tensors.is_empty()) })
    }

    pub(super) fn serialize_with<S: Serializer>(&self, serializer: S, forms: &Forms) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("InferResponse", 4)?;
        body.serialize_field("model_name", &self.model_name)?;
        if let Some(version) = &self.model_version {
            body.serialize_field("model_version", version)?;
        }
        if let Some(id) = &self.id {
            body.serialize_field("id", id)?;
        }
        let written = |output| WrittenTensor(output, forms.of(output.name()));
        body.serialize_field("outputs", &self.outputs.iter().map(written).collect::<Vec<_>>())?;
        body.end()
    }
}

struct Written<'a> {
    response: &'a InferResponse,
    forms: &'a Forms,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.response.serialize_with(serializer, self.forms)
    }
}

/// A request with all tensors as bytes, both ways.
struct AsBytes<'a>(&'a InferRequest);

impl Serialize for AsBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_with(serializer, Form::Binary)
    }
}

/// The JSON and what is behind it; nothing where nobody says that there is something.
fn split(body: &Bytes, header: Option<usize>) -> Result<(&[u8], Option<Bytes>), DecodeError> {
    let Some(header) = header else { return Ok((body, None)) };
    let json = body.get(..header).ok_or(DecodeError::Header { header, body: body.len() });
    json.map(|json| (json, Some(body.slice(header..))))
}

/// All tensors of a message, to which all of `bytes` belong.
fn tensors<'a, T: Into<RawTensor<'a>>>(raw: Vec<T>, mut bytes: Option<Bytes>) -> Result<Vec<Tensor>, DecodeError> {
    let got = bytes.as_ref().map_or(0, Bytes::len);
    let tensors = raw.into_iter().map(|raw| raw.into().decode(&mut bytes)).collect::<Result<_, _>>()?;
    let left = bytes.map_or(0, |left| left.len());
    if left == 0 { Ok(tensors) } else { Err(DecodeError::Rest { expected: got - left, got }) }
}

fn form(binary: Option<bool>) -> Option<Form> {
    binary.map(|binary| if binary { Form::Binary } else { Form::Json })
}

/// What may be in a request. There is no other member, so that none is left unheeded.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRequest<'a> {
    id: Option<String>,
    parameters: Option<RequestParameters>,
    #[serde(borrow)]
    inputs: Vec<RawTensor<'a>>,
    outputs: Option<Vec<RawOutput>>,
    /// `KServe`'s client says once more what the path says.
    #[serde(rename = "model_name")]
    _model_name: Option<IgnoredAny>,
    #[serde(rename = "model_version")]
    _model_version: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct RawResponse<'a> {
    model_name: String,
    model_version: Option<String>,
    id: Option<String>,
    #[serde(borrow)]
    outputs: Vec<RawOutputTensor<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOutput {
    name: String,
    parameters: Option<OutputParameters>,
}

/// A tensor whose data stays text until its datatype is known: JSON members come in any order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTensor<'a> {
    name: String,
    datatype: String,
    shape: Vec<i64>,
    parameters: Option<TensorParameters>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The same from a server, which may say more.
#[derive(Deserialize)]
struct RawOutputTensor<'a> {
    name: String,
    datatype: String,
    shape: Vec<i64>,
    parameters: Option<TensorParameters>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl<'a> From<RawOutputTensor<'a>> for RawTensor<'a> {
    fn from(output: RawOutputTensor<'a>) -> Self {
        let RawOutputTensor { name, datatype, shape, parameters, data } = output;
        let size = parameters.and_then(|parameters| parameters.binary_data_size);
        Self { name, datatype, shape, parameters: Some(TensorParameters { binary_data_size: size, other: None }), data }
    }
}

impl RawTensor<'_> {
    /// The tensor; its bytes are taken from the front of `left`.
    fn decode(self, left: &mut Option<Bytes>) -> Result<Tensor, TensorError> {
        let (tensor, datatype, shape) = stated(self.name, &self.datatype, &self.shape)?;
        let TensorParameters { binary_data_size, other } = self.parameters.unwrap_or_default();
        match (self.data, binary_data_size) {
            _ if let Some(parameter) = other => Err(TensorError::Parameter { tensor, parameter }),
            (Some(data), None) => tensor_json::decode(tensor, datatype, shape, data),
            (None, Some(size)) => Tensor::from_bytes(tensor.clone(), datatype, shape, take(tensor, &size, left)?),
            (Some(_), Some(_)) => Err(TensorError::TwoData { tensor }),
            (None, None) => Err(TensorError::NoData { tensor }),
        }
    }
}

/// The next `size` bytes of `left`.
fn take(tensor: String, size: &serde_json::Number, left: &mut Option<Bytes>) -> Result<Bytes, TensorError> {
    let Some(expected) = size.as_u64() else { return Err(TensorError::BinarySize { tensor }) };
    let Some(bytes) = left else { return Err(TensorError::BinaryNone { tensor, expected }) };
    match usize::try_from(expected).ok().filter(|size| *size <= bytes.len()) {
        Some(size) => Ok(bytes.split_to(size)),
        None => Err(TensorError::BinaryShort { tensor, expected, got: bytes.len() }),
    }
}

/// The largest alignment of a number is 8; allocators give 16.
const ALIGNMENT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorData;

    fn read(json: &str, bytes: &[u8]) -> Result<(InferRequest, Forms), String> {
        let body = [json.as_bytes(), bytes].concat().into();
        InferRequest::from_http(&body, Some(json.len())).map_err(|error| error.to_string())
    }

    fn input(name: &str, size: &str) -> String {
        format!(r#"{{"name":"{name}","datatype":"INT16","shape":[2],"parameters":{{"binary_data_size":{size}}}}}"#)
    }

    #[test]
    fn tensors_take_their_bytes_in_turn() {
        let json = format!(
            r#"{{"inputs":[{},{{"name":"b","datatype":"INT16","shape":[1],"data":[7]}},{}]}}"#,
            input("a", "4"),
            input("c", "4")
        );
        let (request, _) = read(&json, &[1, 0, 2, 0, 3, 0, 4, 0]).expect("three tensors");
        let values: Vec<_> = request.inputs.iter().map(Tensor::data).collect();
        let [a, b, c] = [vec![1_i16, 2], vec![7], vec![3, 4]].map(TensorData::from);
        assert_eq!(values, [&a, &b, &c]);
    }

    #[test]
    fn what_does_not_add_up_is_named() {
        let one = |input: &str| format!(r#"{{"inputs":[{input}]}}"#);
        let both = r#"{"name":"x","datatype":"INT8","shape":[1],"data":[1],"parameters":{"binary_data_size":1}}"#;
        let shared = r#"{"name":"x","datatype":"INT8","shape":[1],"parameters":{"shared_memory_region":"SECRET"}}"#;
        let classes = r#"{"inputs":[],"outputs":[{"name":"y","parameters":{"classification":3}}]}"#;
        for (json, bytes, expected) in [
            (
                one(&input("x", "4")),
                &[0; 3][..],
                "tensor \"x\": binary_data_size is 4, but 3 bytes of binary data are left",
            ),
            (
                one(&input("x", "4")),
                &[0; 5],
                "the body has 5 bytes of binary data, expected 4, which is the sum of all",
            ),
            (one(&input("x", "3")), &[0; 3], "tensor \"x\": shape [2] of INT16 needs 4 bytes of binary data, got 3"),
            (
                one(&input("x", "18446744073709551615")),
                &[0; 4],
                "binary_data_size is 18446744073709551615, but 4 bytes",
            ),
            (one(&input("x", "-4")), &[0; 4], "tensor \"x\": binary_data_size: expected a whole number of bytes"),
            (one(&input("x", "4.5")), &[0; 4], "tensor \"x\": binary_data_size: expected a whole number of bytes"),
            (one(&input("x", "\"SECRET\"")), &[0; 4], "at line 1"),
            (one(both), &[1], "tensor \"x\": expected `data` or the parameter `binary_data_size`, got both"),
            (
                one(&both.replace(",\"data\":[1]", "").replace("binary_data_size\":1", "other\":null")),
                &[],
                "got neither",
            ),
            (one(shared), &[], "tensor \"x\": the parameter `shared_memory_region` is not taken here"),
            (one(&shared.replace("shared_memory_region", "content_type")), &[], "the parameter `content_type` is not"),
            (
                one(&shared.replace("shared_memory_region", "binary_data_sizes")),
                &[],
                "`binary_data_sizes` is not taken",
            ),
            (classes.to_owned(), &[], "tensor \"y\": the parameter `classification` is not taken here"),
            (
                classes.replace("classification", "content_type"),
                &[],
                "tensor \"y\": the parameter `content_type` is not",
            ),
            (
                one(&both.replace("parameters", "parameter")),
                &[],
                "inputs[0]: unknown member \"parameter\"; expected \"name\"",
            ),
            (
                classes.replace("parameters", "datatype"),
                &[],
                "outputs[0]: unknown member \"datatype\"; expected \"name\" or",
            ),
            (r#"{"inputs":[],"output":[]}"#.to_owned(), &[], "unknown member \"output\"; expected \"id\""),
        ] {
            let error = read(&json, bytes).expect_err(expected);
            assert!(error.contains(expected) && !error.contains("SECRET"), "{expected}: {error}");
        }
        let body = Bytes::from(one(&input("x", "4")));
        let header = |header| InferRequest::from_http(&body, header).expect_err("no tensor").to_string();
        assert!(
            header(None).contains("the header Inference-Header-Content-Length says where it begins"),
            "{}",
            header(None)
        );
        let expected = format!("Inference-Header-Content-Length is 1000, but the body has {} bytes", body.len());
        assert_eq!(header(Some(1000)), expected);
        assert!(header(Some(usize::MAX)).ends_with(" bytes"));
        assert!(header(Some(5)).starts_with("not JSON: the body ends too early"), "{}", header(Some(5)));
    }

    #[test]
    fn the_form_of_an_output_is_its_own_or_the_usual_one() {
        let json = r#"{"inputs":[],"parameters":{"binary_data_output":true,"priority":1},
            "outputs":[{"name":"a","parameters":{"binary_data":false}},{"name":"b","parameters":{}},{"name":"c"}]}"#;
        let (request, forms) = read(json, &[]).expect("a request");
        assert_eq!(request.outputs.as_deref(), Some(&["a", "b", "c"].map(str::to_owned)[..]));
        assert_eq!(["a", "b", "c", "d"].map(|name| forms.of(name) == Form::Binary), [false, true, true, true]);
        let (_, forms) = read(r#"{"inputs":[]}"#, &[]).expect("a request");
        assert_eq!(forms.of("a"), Form::Json);
    }

    #[test]
    fn responses_round_trip_in_either_form() {
        let output = |name: &str, data: TensorData| Tensor::new(name, vec![1, 2], data).expect("two values");
        let response = InferResponse {
            model_name: "m".to_owned(),
            model_version: Some("1".to_owned()),
            id: Some("7".to_owned()),
            outputs: vec![
                output("a", vec![f32::INFINITY, 0.1].into()),
                output("b", vec![1_i8, 2].into()),
                output("c", vec!["é".to_owned(), String::new()].into()),
            ],
        };
        let named = vec![("b".to_owned(), Form::Json)];
        let encoded = response.clone().into_http(&Forms { usual: Form::Binary, named }).expect("nothing but b is JSON");
        let header = encoded.header_length().expect("two are binary");
        let body = encoded.into_body();
        assert_eq!(body.len() - header, 8 + 10);
        assert_eq!(InferResponse::from_http(&body, Some(header)), Ok(response.clone()));
        assert!(response.clone().into_http(&Forms::default()).is_err(), "an infinity has no JSON");
        let finite = InferResponse { outputs: response.outputs[1..].to_vec(), ..response };
        let encoded = finite.clone().into_http(&Forms::default()).expect("JSON");
        assert_eq!((encoded.header_length(), InferResponse::from_json(&encoded.json)), (None, Ok(finite)));
    }

    #[test]
    fn requests_go_as_bytes_at_an_even_place() {
        let input = |name: &str, data: TensorData| Tensor::new(name, vec![2], data).expect("two values");
        let request = InferRequest {
            id: Some("é".to_owned()),
            inputs: vec![
                input("a", vec![f64::NEG_INFINITY, 0.1].into()),
                input("b", vec![half::bf16::MAX, half::bf16::ONE].into()),
                input("c", vec!["é".to_owned(), String::new()].into()),
            ],
            outputs: Some(vec!["y".to_owned()]),
        };
        let (body, header) = request.to_http();
        assert_eq!((header % 16, body.len() - header), (0, 16 + 4 + 10));
        let (again, forms) = InferRequest::from_http(&body.into(), Some(header)).expect("it is one");
        assert_eq!((again, forms.of("y")), (request, Form::Binary));
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_a_request_or_an_error(
            json in r#"\{"inputs":\[\{"name":"x","datatype":"(INT8|BYTES)","shape":\[[0-3]\],"parameters":\{"binary_data_size":[0-9]\}\}\]\}"#,
            bytes in proptest::collection::vec(0_u8..4, 0..12), header in 0_usize..120
        ) {
            let _ = read(&json, &bytes);
            let _ = InferRequest::from_http(&[json.as_bytes(), &bytes].concat().into(), Some(header));
        }
    }
}
