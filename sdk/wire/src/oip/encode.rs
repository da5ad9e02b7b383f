//! Writes requests and responses.

use bytes::Bytes;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::encoding::{OutputEncodings, TensorEncoding};
use super::message::{InferRequest, InferResponse};
use crate::tensor::{self, Tensor};

/// An encoded message, in pieces, so that the bytes of tensors need not be copied together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedBody {
    /// The JSON.
    pub json: Bytes,
    /// The bytes of the tensors after it; `None` if all of the body is JSON.
    pub tensors: Option<Vec<Bytes>>,
}

impl EncodedBody {
    /// The value of [`HEADER_LENGTH`](super::HEADER_LENGTH); `None` if all of the body is JSON.
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
    /// Writes the request with every input as bytes, and asks for every output as bytes. Returns the body and the length of its JSON.
    ///
    /// Spaces after the JSON align the first input to a multiple of 16 bytes, so that a server with an aligned body need not
    /// copy it.
    ///
    /// # Panics
    /// Never: names, numbers and texts can be written as JSON.
    pub fn to_http(&self) -> (Vec<u8>, usize) {
        let mut body = serde_json::to_vec(&BinaryRequest(self)).expect("every value can be written as JSON");
        body.resize(body.len().next_multiple_of(INPUT_ALIGNMENT), b' ');
        let header = body.len();
        body.reserve_exact(self.inputs.iter().map(Tensor::byte_len).sum());
        self.inputs.iter().for_each(|input| input.write_bytes(&mut body));
        (body, header)
    }

    fn serialize_with<S: Serializer>(&self, serializer: S, encoding: TensorEncoding) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("InferRequest", 4)?;
        if let Some(id) = &self.id {
            body.serialize_field("id", id)?;
        }
        let inputs: Vec<_> = self.inputs.iter().map(|input| WrittenTensor(input, encoding)).collect();
        body.serialize_field("inputs", &inputs)?;
        if let Some(outputs) = &self.outputs {
            let outputs: Vec<_> = outputs.iter().map(|name| NamedOutput { name }).collect();
            body.serialize_field("outputs", &outputs)?;
        }
        if encoding == TensorEncoding::Binary {
            body.serialize_field("parameters", &BinaryOutputParameter { binary_data_output: true })?;
        }
        body.end()
    }
}

/// Writes all of the body as JSON.
impl Serialize for InferRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_with(serializer, TensorEncoding::Json)
    }
}

impl InferResponse {
    /// Writes the response, each output in its encoding.
    ///
    /// # Errors
    /// For a value in the JSON that JSON cannot express: NaN, an infinity, any BF16. As bytes each can be written.
    pub fn into_http(self, encodings: &OutputEncodings) -> Result<EncodedBody, serde_json::Error> {
        let json = serde_json::to_vec(&EncodedResponse { response: &self, encodings })?.into();
        let binary = self.outputs.into_iter().filter(|output| encodings.of(output.name()) == TensorEncoding::Binary);
        let tensors: Vec<_> = binary.map(Tensor::into_bytes).collect();
        Ok(EncodedBody { json, tensors: Some(tensors).filter(|tensors| !tensors.is_empty()) })
    }

    fn serialize_with<S: Serializer>(&self, serializer: S, encodings: &OutputEncodings) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("InferResponse", 4)?;
        body.serialize_field("model_name", &self.model_name)?;
        if let Some(version) = &self.model_version {
            body.serialize_field("model_version", version)?;
        }
        if let Some(id) = &self.id {
            body.serialize_field("id", id)?;
        }
        let written = |output| WrittenTensor(output, encodings.of(output.name()));
        body.serialize_field("outputs", &self.outputs.iter().map(written).collect::<Vec<_>>())?;
        body.end()
    }
}

impl Serialize for InferResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_with(serializer, &OutputEncodings::default())
    }
}

struct EncodedResponse<'a> {
    response: &'a InferResponse,
    encodings: &'a OutputEncodings,
}

impl Serialize for EncodedResponse<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.response.serialize_with(serializer, self.encodings)
    }
}

/// A request with all tensors as bytes, those of the answer too.
struct BinaryRequest<'a>(&'a InferRequest);

impl Serialize for BinaryRequest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_with(serializer, TensorEncoding::Binary)
    }
}

/// A tensor in the message, with its encoding.
struct WrittenTensor<'a>(&'a Tensor, TensorEncoding);

impl Serialize for WrittenTensor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("Tensor", 4)?;
        body.serialize_field("name", self.0.name())?;
        body.serialize_field("datatype", &self.0.datatype())?;
        body.serialize_field("shape", self.0.shape())?;
        match self.1 {
            TensorEncoding::Json => body.serialize_field("data", &JsonData(self.0))?,
            TensorEncoding::Binary => {
                body.serialize_field("parameters", &BinarySizeParameter { binary_data_size: self.0.byte_len() })?;
            }
        }
        body.end()
    }
}

#[derive(Serialize)]
struct BinarySizeParameter {
    binary_data_size: usize,
}

#[derive(Serialize)]
struct BinaryOutputParameter {
    binary_data_output: bool,
}

struct JsonData<'a>(&'a Tensor);

impl Serialize for JsonData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        tensor::json::encode(self.0, serializer)
    }
}

#[derive(Serialize)]
struct NamedOutput<'a> {
    name: &'a str,
}

/// The largest alignment of a number is 8; allocators align to 16.
const INPUT_ALIGNMENT: usize = 16;
