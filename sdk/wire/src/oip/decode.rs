//! Reads requests and responses.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::encoding::{OutputEncodings, TensorEncoding};
use super::limits::MAX_ID_LEN;
use super::message::{InferRequest, InferResponse};
use super::parameters::{OutputParameters, RequestParameters, TensorParameters};
use crate::decode::{DecodeError, from_json};
use crate::tensor::{self, MAX_NAME_LEN, Tensor, TensorError, parse_header};

impl InferRequest {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`DecodeError`] names the place and the reason, never a value of the payload.
    pub fn from_json(body: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(body, None).map(|(request, _)| request)
    }

    /// Reads a request body of which the first `header` bytes are JSON, or all of it without a header. Returns the request, and how
    /// it asks for its outputs to be encoded.
    ///
    /// ```
    /// use amaas_wire::oip::{InferRequest, TensorEncoding};
    ///
    /// let json = r#"{"inputs":[{"name":"x","datatype":"UINT8","shape":[2],"parameters":{"binary_data_size":2}}],
    ///                "parameters":{"binary_data_output":true}}"#;
    /// let body = [json.as_bytes(), &[7, 9]].concat().into();
    /// let (request, encodings) = InferRequest::from_http(&body, Some(json.len()))?;
    /// assert_eq!((request.inputs[0].shape(), encodings.of("y")), (&[2][..], TensorEncoding::Binary));
    /// # Ok::<(), amaas_wire::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// [`DecodeError`] names the place and the reason, never a value of the payload.
    pub fn from_http(body: &Bytes, header: Option<usize>) -> Result<(Self, OutputEncodings), DecodeError> {
        let (json, rest) = split(body, header)?;
        Self::decode(json, rest)
    }

    /// Reads `json`, with the bytes of tensors in `rest`.
    fn decode(json: &[u8], rest: Option<Bytes>) -> Result<(Self, OutputEncodings), DecodeError> {
        let raw: JsonRequest<'_> = from_json(json)?;
        check_len("id", raw.id.as_deref(), MAX_ID_LEN)?;
        let parameters = raw.parameters.unwrap_or_default();
        parameters.check()?;
        let inputs = tensors(raw.inputs, rest)?;
        let mut encodings = OutputEncodings::all(encoding(parameters.binary_data_output).unwrap_or_default());
        for JsonOutput { name, parameters } in raw.outputs.iter().flatten() {
            check_len("the name of an output", Some(name), MAX_NAME_LEN)?;
            let Some(parameters) = parameters else { continue };
            if let Some(parameter) = &parameters.other {
                return Err(TensorError::Parameter { tensor: name.clone(), parameter: parameter.clone() }.into());
            }
            if let Some(count) = parameters.classification.filter(|count| *count > 0) {
                encodings.set_classes(name, count);
            }
            if let Some(encoding) = encoding(parameters.binary_data) {
                encodings.set(name, encoding);
            }
        }
        let outputs = raw.outputs.map(|outputs| outputs.into_iter().map(|output| output.name).collect());
        Ok((Self { id: raw.id, inputs, outputs }, encodings))
    }
}

impl InferResponse {
    /// Reads a response body.
    ///
    /// # Errors
    /// [`DecodeError`] names the place and the reason.
    pub fn from_json(body: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(body, None)
    }

    /// Reads a response body of which the first `header` bytes are JSON, or all of it without a header.
    ///
    /// # Errors
    /// [`DecodeError`] names the place and the reason.
    pub fn from_http(body: &Bytes, header: Option<usize>) -> Result<Self, DecodeError> {
        let (json, rest) = split(body, header)?;
        Self::decode(json, rest)
    }

    /// Reads `json`, with the bytes of tensors in `rest`.
    fn decode(json: &[u8], rest: Option<Bytes>) -> Result<Self, DecodeError> {
        let raw: JsonResponse<'_> = from_json(json)?;
        let outputs = tensors(raw.outputs, rest)?;
        Ok(Self { model_name: raw.model_name, model_version: raw.model_version, id: raw.id, outputs })
    }
}

/// Splits the JSON from the bytes after it; there are none without a header.
fn split(body: &Bytes, header: Option<usize>) -> Result<(&[u8], Option<Bytes>), DecodeError> {
    let Some(header) = header else { return Ok((body, None)) };
    let json = body.get(..header).ok_or(DecodeError::Header { header, body: body.len() });
    json.map(|json| (json, Some(body.slice(header..))))
}

/// Decodes all tensors of a message, which have to use all of `bytes`.
fn tensors<'a, T: Into<JsonInputTensor<'a>>>(
    raw: Vec<T>,
    mut bytes: Option<Bytes>,
) -> Result<Vec<Tensor>, DecodeError> {
    let got = bytes.as_ref().map_or(0, Bytes::len);
    let tensors = raw.into_iter().map(|raw| raw.into().decode(&mut bytes)).collect::<Result<_, _>>()?;
    let left = bytes.map_or(0, |left| left.len());
    if left == 0 { Ok(tensors) } else { Err(DecodeError::Rest { expected: got - left, got }) }
}

fn encoding(binary: Option<bool>) -> Option<TensorEncoding> {
    binary.map(|binary| if binary { TensorEncoding::Binary } else { TensorEncoding::Json })
}

/// The members of a request. Others are refused, so that none is ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonRequest<'a> {
    id: Option<String>,
    parameters: Option<RequestParameters>,
    #[serde(borrow)]
    inputs: Vec<JsonInputTensor<'a>>,
    outputs: Option<Vec<JsonOutput>>,
    /// `KServe`'s client repeats what the path has.
    #[serde(rename = "model_name")]
    _model_name: Option<IgnoredAny>,
    #[serde(rename = "model_version")]
    _model_version: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct JsonResponse<'a> {
    model_name: String,
    model_version: Option<String>,
    id: Option<String>,
    #[serde(borrow)]
    outputs: Vec<JsonOutputTensor<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonOutput {
    name: String,
    parameters: Option<OutputParameters>,
}

/// A tensor whose data stays text until its datatype is known: JSON members come in any order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonInputTensor<'a> {
    name: String,
    datatype: String,
    shape: Vec<i64>,
    parameters: Option<TensorParameters>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The same from a server, which may have more members.
#[derive(Deserialize)]
struct JsonOutputTensor<'a> {
    name: String,
    datatype: String,
    shape: Vec<i64>,
    parameters: Option<TensorParameters>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl<'a> From<JsonOutputTensor<'a>> for JsonInputTensor<'a> {
    fn from(output: JsonOutputTensor<'a>) -> Self {
        let JsonOutputTensor { name, datatype, shape, parameters, data } = output;
        let size = parameters.and_then(|parameters| parameters.binary_data_size);
        Self { name, datatype, shape, parameters: Some(TensorParameters { binary_data_size: size, other: None }), data }
    }
}

impl JsonInputTensor<'_> {
    /// The tensor; its bytes are taken from the front of `left`.
    fn decode(self, left: &mut Option<Bytes>) -> Result<Tensor, TensorError> {
        let (tensor, datatype, shape) = parse_header(self.name, &self.datatype, &self.shape)?;
        let TensorParameters { binary_data_size, other } = self.parameters.unwrap_or_default();
        match (self.data, binary_data_size) {
            _ if let Some(parameter) = other => Err(TensorError::Parameter { tensor, parameter }),
            (Some(data), None) => tensor::json::decode(tensor, datatype, shape, data),
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

/// Refuses a text longer than `most` bytes, because the answer would repeat it.
fn check_len(what: &'static str, text: Option<&str>, most: usize) -> Result<(), DecodeError> {
    match text.map(str::len) {
        Some(got) if got > most => Err(DecodeError::Long { what, expected: most, got }),
        _ => Ok(()),
    }
}
