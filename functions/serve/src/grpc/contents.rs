//! Tensor values in typed lists, `InferTensorContents`. Several integer types share a list, and FP16 and BF16 have none.

use amaas_wire::{Datatype, Tensor, TensorData, TensorError};

use super::proto::InferTensorContents;
use amaas_model::InputError;

/// Decodes a tensor from `contents`, whose values must be in the list for its datatype.
pub(super) fn decode(
    name: String,
    datatype: Datatype,
    shape: Vec<usize>,
    contents: InferTensorContents,
) -> Result<Tensor, InputError> {
    let lists = contents.lengths();
    let Some(expected) = list_name(datatype) else {
        return Err(InputError::Invalid(format!(
            "tensor {name:?}: {datatype} has no list in contents; its values go into raw_input_contents"
        )));
    };
    if let Some((other, _)) = lists.into_iter().find(|(list, length)| *length > 0 && *list != expected) {
        return Err(InputError::Invalid(format!(
            "tensor {name:?}: expected the values of {datatype} in contents.{expected}, got contents.{other}"
        )));
    }
    let data = decode_data(&name, datatype, contents);
    Tensor::new(name, shape, data.map_err(invalid)?).map_err(invalid)
}

/// Encodes `tensor` in the list for its datatype; `None` if there is no such list.
pub(super) fn encode(tensor: &Tensor) -> Option<InferTensorContents> {
    let mut contents = InferTensorContents::default();
    match tensor.data() {
        TensorData::Bool(values) => contents.bool_contents.clone_from(values),
        TensorData::Int8(values) => contents.int_contents = values.iter().map(|value| (*value).into()).collect(),
        TensorData::Int16(values) => contents.int_contents = values.iter().map(|value| (*value).into()).collect(),
        TensorData::Int32(values) => contents.int_contents = values.to_vec(),
        TensorData::Int64(values) => contents.int64_contents = values.to_vec(),
        TensorData::Uint8(values) => contents.uint_contents = values.iter().map(|value| (*value).into()).collect(),
        TensorData::Uint16(values) => contents.uint_contents = values.iter().map(|value| (*value).into()).collect(),
        TensorData::Uint32(values) => contents.uint_contents = values.to_vec(),
        TensorData::Uint64(values) => contents.uint64_contents = values.to_vec(),
        TensorData::Fp32(values) => contents.fp32_contents = values.to_vec(),
        TensorData::Fp64(values) => contents.fp64_contents = values.to_vec(),
        TensorData::Bytes(values) => {
            contents.bytes_contents = values.iter().map(|value| value.clone().into()).collect();
        }
        TensorData::Fp16(_) | TensorData::Bf16(_) => return None,
    }
    Some(contents)
}

impl InferTensorContents {
    fn lengths(&self) -> [(&'static str, usize); 8] {
        [
            ("bool_contents", self.bool_contents.len()),
            ("int_contents", self.int_contents.len()),
            ("int64_contents", self.int64_contents.len()),
            ("uint_contents", self.uint_contents.len()),
            ("uint64_contents", self.uint64_contents.len()),
            ("fp32_contents", self.fp32_contents.len()),
            ("fp64_contents", self.fp64_contents.len()),
            ("bytes_contents", self.bytes_contents.len()),
        ]
    }
}

/// The list for values of `datatype`.
fn list_name(datatype: Datatype) -> Option<&'static str> {
    Some(match datatype {
        Datatype::Bool => "bool_contents",
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 => "int_contents",
        Datatype::Int64 => "int64_contents",
        Datatype::Uint8 | Datatype::Uint16 | Datatype::Uint32 => "uint_contents",
        Datatype::Uint64 => "uint64_contents",
        Datatype::Fp32 => "fp32_contents",
        Datatype::Fp64 => "fp64_contents",
        Datatype::Bytes => "bytes_contents",
        Datatype::Fp16 | Datatype::Bf16 => return None,
    })
}

fn decode_data(tensor: &str, datatype: Datatype, contents: InferTensorContents) -> Result<TensorData, TensorError> {
    macro_rules! narrow {
        ($values:expr, $type:ty, $expected:literal) => {
            TensorData::from(convert_values::<_, $type>(
                tensor,
                $values,
                ($expected, "an integer out of range"),
                |value| value.try_into().ok(),
            )?)
        };
    }
    Ok(match datatype {
        Datatype::Bool => contents.bool_contents.into(),
        Datatype::Int8 => narrow!(contents.int_contents, i8, "an integer from -128 to 127 (INT8)"),
        Datatype::Int16 => narrow!(contents.int_contents, i16, "an integer from -32768 to 32767 (INT16)"),
        Datatype::Int32 => contents.int_contents.into(),
        Datatype::Int64 => contents.int64_contents.into(),
        Datatype::Uint8 => narrow!(contents.uint_contents, u8, "an integer from 0 to 255 (UINT8)"),
        Datatype::Uint16 => narrow!(contents.uint_contents, u16, "an integer from 0 to 65535 (UINT16)"),
        Datatype::Uint32 => contents.uint_contents.into(),
        Datatype::Uint64 => contents.uint64_contents.into(),
        Datatype::Fp32 => contents.fp32_contents.into(),
        Datatype::Fp64 => contents.fp64_contents.into(),
        Datatype::Bytes => {
            let text = |bytes: bytes::Bytes| String::from_utf8(bytes.into()).ok();
            TensorData::from(convert_values(
                tensor,
                contents.bytes_contents,
                ("UTF-8 text (BYTES)", "other bytes"),
                text,
            )?)
        }
        Datatype::Fp16 | Datatype::Bf16 => TensorData::empty(datatype),
    })
}

/// Converts each value, or returns an error with the index of the first invalid one.
fn convert_values<V, T>(
    tensor: &str,
    values: Vec<V>,
    (expected, got): (&'static str, &'static str),
    convert: impl Fn(V) -> Option<T>,
) -> Result<Vec<T>, TensorError> {
    let mut converted = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let refused = || TensorError::Value { tensor: tensor.to_owned(), index, expected, got };
        converted.push(convert(value).ok_or_else(refused)?);
    }
    Ok(converted)
}

fn invalid(error: TensorError) -> InputError {
    InputError::Malformed(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        for data in [
            TensorData::from(vec![true, false]),
            vec![i8::MIN, i8::MAX].into(),
            vec![i16::MIN, i16::MAX].into(),
            vec![i32::MIN, i32::MAX].into(),
            vec![i64::MIN, i64::MAX].into(),
            vec![0, u8::MAX].into(),
            vec![0, u16::MAX].into(),
            vec![0, u32::MAX].into(),
            vec![0, u64::MAX].into(),
            vec![f32::NEG_INFINITY, f32::MIN_POSITIVE].into(),
            vec![f64::NEG_INFINITY, f64::MIN_POSITIVE].into(),
            vec![String::new(), "é".to_owned()].into(),
        ] {
            let tensor = Tensor::new("x", vec![2], data).expect("two values");
            let contents = encode(&tensor).expect("there is a list for it");
            let read = decode("x".to_owned(), tensor.datatype(), vec![2], contents);
            assert_eq!(read.expect("it was written"), tensor);
        }
        let half = Tensor::new("x", vec![1], vec![half::f16::ONE]).expect("one value");
        assert_eq!(encode(&half), None);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let ints = |values: &[i32]| InferTensorContents { int_contents: values.to_vec(), ..Default::default() };
        let uints = |values: &[u32]| InferTensorContents { uint_contents: values.to_vec(), ..Default::default() };
        let text = InferTensorContents { bytes_contents: vec![vec![255].into()], ..Default::default() };
        for (datatype, contents, expected) in [
            (
                Datatype::Uint8,
                uints(&[300]),
                "data[0]: expected an integer from 0 to 255 (UINT8), got an integer out of range",
            ),
            (Datatype::Int8, ints(&[-129]), "data[0]: expected an integer from -128 to 127 (INT8)"),
            (
                Datatype::Int8,
                uints(&[1]),
                "expected the values of INT8 in contents.int_contents, got contents.uint_contents",
            ),
            (Datatype::Int32, ints(&[1, 2]), "shape [1] needs 1 values, got 2"),
            (Datatype::Int32, ints(&[]), "shape [1] needs 1 values, got 0"),
            (Datatype::Fp16, ints(&[]), "FP16 has no list in contents; its values go into raw_input_contents"),
            (Datatype::Bytes, text, "data[0]: expected UTF-8 text (BYTES)"),
        ] {
            let error = decode("x".to_owned(), datatype, vec![1], contents).expect_err(expected).to_string();
            assert!(error.starts_with("tensor \"x\": ") && error.contains(expected), "{expected}: {error}");
        }
    }
}
