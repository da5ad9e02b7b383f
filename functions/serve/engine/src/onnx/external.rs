//! External data: tensors whose values are in a file beside the ONNX file.
//!
//! Source: `onnx.proto`, `TensorProto.external_data`, and `ExternalData.md` of ONNX. Other keys and number formats are
//! refused, although ONNX Runtime accepts some.

use std::ops::Range;

use bytes::Bytes;
use prost::Message;

use super::OnnxError;
use super::element_type::ElementType;
use super::external_path::ExternalPath;
use super::proto::{Inline, Tensor};

/// A tensor with external data.
#[derive(Clone, Debug)]
pub(super) struct ExternalTensor {
    tensor: Tensor,
    pub(super) file: ExternalPath,
    span: Range<u64>,
}

impl ExternalTensor {
    /// Parses a tensor; `None` if its values are in the ONNX file.
    pub(super) fn of(tensor: &Bytes) -> Result<Option<Self>, OnnxError> {
        let tensor = Tensor::decode(tensor.clone()).map_err(|error| OnnxError::NotOnnx(error.to_string()))?;
        let name = text(tensor.name.as_deref());
        match tensor.data_location[..] {
            [] | [INTERNAL] => return Ok(None),
            [EXTERNAL] => {}
            _ => {
                let cause = "its data_location is neither DEFAULT nor EXTERNAL, once".to_owned();
                return Err(OnnxError::Reference { tensor: name, cause });
            }
        }
        let (mut file, mut offset, mut length) = (None, None, None);
        for entry in &tensor.external_data {
            let (key, value) = (text(entry.key.as_deref()), entry.value.as_deref().unwrap_or_default());
            let wrong = |cause: String| OnnxError::Reference { tensor: name.clone(), cause };
            let again = match key.as_str() {
                "location" => {
                    let refused = |cause| OnnxError::Location { tensor: name.clone(), file: text(Some(value)), cause };
                    file.replace(ExternalPath::parse(value).map_err(refused)?).is_some()
                }
                "offset" | "length" => {
                    let number = number(value).ok_or_else(|| wrong(format!("its {key} is not a number of bytes")))?;
                    if key == "offset" { &mut offset } else { &mut length }.replace(number).is_some()
                }
                // SHA-1 is ignored; published files have digests of their own.
                "checksum" => false,
                _ => return Err(wrong(format!("{key:?} is not one of location, offset, length and checksum"))),
            };
            if again {
                return Err(wrong(format!("its {key} is given twice")));
            }
        }
        let Some(file) = file else {
            return Err(OnnxError::Reference { tensor: name, cause: "its location is missing".to_owned() });
        };
        let expected = size(&tensor)?;
        match length {
            Some(got) if got != expected => {
                Err(OnnxError::Length { tensor: name, file: file.to_string(), expected, got })
            }
            _ => {
                let from = offset.unwrap_or_default();
                Ok(Some(Self { span: from..from.saturating_add(expected), tensor, file }))
            }
        }
    }

    /// The tensor's name.
    pub(super) fn name(&self) -> String {
        text(self.tensor.name.as_deref())
    }

    /// The raw values, a slice of `file`.
    pub(super) fn values<'f>(&self, file: &'f [u8]) -> Result<&'f [u8], OnnxError> {
        let place = usize::try_from(self.span.start).ok().zip(usize::try_from(self.span.end).ok());
        place.and_then(|(from, to)| file.get(from..to)).ok_or_else(|| OnnxError::Range {
            tensor: self.name(),
            file: self.file.to_string(),
            span: self.span.clone(),
            size: file.len() as u64,
        })
    }

    /// The tensor with `values` inline.
    pub(super) fn inline(&self, values: &[u8]) -> Bytes {
        let Tensor { dims, data_type, name, .. } = self.tensor.clone();
        Inline { dims, data_type, name, raw_data: Some(Bytes::copy_from_slice(values)) }.encode_to_vec().into()
    }
}

/// The number of bytes that the datatype and shape of `tensor` require.
fn size(tensor: &Tensor) -> Result<u64, OnnxError> {
    let name = || text(tensor.name.as_deref());
    let element = tensor.data_type.and_then(ElementType::of).filter(|element| element.bits > 0);
    let element =
        element.ok_or_else(|| OnnxError::Datatype { tensor: name(), got: ElementType::name(tensor.data_type) })?;
    let dims = tensor.dims.iter().map(|dim| u64::try_from(*dim).ok());
    let count = dims.into_iter().try_fold(1_u64, |count, dim| count.checked_mul(dim?));
    let bits = count.and_then(|count| count.checked_mul(element.bits)).filter(|bits| *bits <= MAX_BITS);
    // Values of fewer than eight bits are packed.
    bits.map(|bits| bits.div_ceil(8)).ok_or_else(|| OnnxError::Reference {
        tensor: name(),
        cause: format!("no file has room for its shape {:?}", tensor.dims),
    })
}

/// An integer in plain decimal digits.
fn number(text: &[u8]) -> Option<u64> {
    let plain = text.iter().all(u8::is_ascii_digit) && (text.len() == 1 || !text.starts_with(b"0"));
    let number = std::str::from_utf8(text).ok().filter(|_| plain)?.parse().ok()?;
    // ONNX Runtime uses signed offsets.
    i64::try_from(number).is_ok().then_some(number)
}

/// A string of the file, shortened for messages.
pub(super) fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).chars().take(256).collect()
}

/// `TensorProto.DataLocation`.
const INTERNAL: i32 = 0;
const EXTERNAL: i32 = 1;
const MAX_BITS: u64 = 1 << 62;
