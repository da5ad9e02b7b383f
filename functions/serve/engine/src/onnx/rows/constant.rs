//! Constant tensors of the file: their shapes, and the values of small ones.

use bytes::Bytes;
use prost::Message;

use super::super::NetworkFiles;
use super::super::external::ExternalTensor;
use super::abstract_tensor::AbstractTensor;
use super::symbolic_size::{SymbolTable, SymbolicSize};

/// `TensorProto`, with the values that a shape computation may need.
#[derive(Clone, PartialEq, Message)]
struct ConstantValues {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, optional, tag = "2")]
    data_type: Option<i32>,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    int64_data: Vec<i64>,
    #[prost(bytes = "bytes", optional, tag = "9")]
    raw_data: Option<Bytes>,
}

/// The abstract value of an encoded `TensorProto`; [`name`] reads its name.
pub(super) fn constant(bytes: &Bytes, files: &NetworkFiles, symbols: &mut SymbolTable) -> AbstractTensor {
    // ONNX Runtime refuses a malformed tensor; here it is unknown.
    let Ok(values) = ConstantValues::decode(bytes.clone()) else { return AbstractTensor::shared(None) };
    let shape: Vec<SymbolicSize> = values.dims.iter().map(|size| SymbolicSize::of(*size)).collect();
    let count = values.dims.iter().try_fold(1_usize, |count, size| count.checked_mul(usize::try_from(*size).ok()?));
    let known =
        count.filter(|count| *count <= MAX_TRACKED_VALUES).and_then(|count| known(bytes, &values, count, files));
    match known {
        Some(known) => {
            let known = known.into_iter().map(|value| value.map_or_else(|| symbols.any_number(), SymbolicSize::of));
            AbstractTensor::numbers(shape, known.collect()).with_float(matches!(values.data_type, Some(FLOAT | DOUBLE)))
        }
        None => AbstractTensor::shared(Some(shape)),
    }
}

/// The name of a tensor.
pub(super) fn name(bytes: &Bytes) -> Option<Bytes> {
    super::super::proto::Tensor::decode(bytes.clone()).ok()?.name
}

/// The `count` values of a tensor; `None` for each that is not an integer.
fn known(bytes: &Bytes, values: &ConstantValues, count: usize, files: &NetworkFiles) -> Option<Vec<Option<i64>>> {
    let external = ExternalTensor::of(bytes).ok()?;
    let external = match &external {
        Some(external) => Some(external.values(files.external.get(external.file.as_str())?).ok()?),
        None => None,
    };
    let raw: Option<&[u8]> = external.or(values.raw_data.as_deref());
    #[allow(clippy::cast_possible_truncation)] // the value is an integer below 2^53
    let whole = |value: f64| (value.fract() == 0.0 && value.abs() < 2_f64.powi(53)).then_some(value as i64);
    let all: Vec<Option<i64>> = match (values.data_type?, raw) {
        (FLOAT, Some(raw)) => chunks(raw).map(|bytes| whole(f32::from_le_bytes(bytes).into())).collect(),
        (FLOAT, None) => values.float_data.iter().map(|value| whole((*value).into())).collect(),
        (DOUBLE, Some(raw)) => chunks(raw).map(|bytes| whole(f64::from_le_bytes(bytes))).collect(),
        (INT64, Some(raw)) => chunks(raw).map(|bytes| Some(i64::from_le_bytes(bytes))).collect(),
        (INT64, None) => values.int64_data.iter().copied().map(Some).collect(),
        (INT32, Some(raw)) => chunks(raw).map(|bytes| Some(i32::from_le_bytes(bytes).into())).collect(),
        (BOOL, Some(raw)) => raw.iter().map(|byte| Some(i64::from(*byte != 0))).collect(),
        (INT32 | BOOL, None) => values.int32_data.iter().map(|value| Some(i64::from(*value))).collect(),
        _ => return None,
    };
    (all.len() == count).then_some(all)
}

fn chunks<const N: usize>(raw: &[u8]) -> impl Iterator<Item = [u8; N]> {
    raw.as_chunks().0.iter().copied()
}

/// The largest tensor whose values are tracked.
pub(super) const MAX_TRACKED_VALUES: usize = 64;
/// `TensorProto.DataType`.
pub(super) const FLOAT: i32 = 1;
pub(super) const INT32: i32 = 6;
pub(super) const INT64: i32 = 7;
pub(super) const BOOL: i32 = 9;
pub(super) const DOUBLE: i32 = 11;
