//! Zero-copy conversion between tensors and ONNX Runtime's values.
//!
//! Invariant: an output outlives the call's inputs, so an output that shares their memory is copied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use amaas_wire::{Datatype, Tensor, TensorBuffer, TensorData, for_each_datatype};
use bytes::Bytes;
use ort::session::{SessionInputValue, SharedSessionInner};
use ort::value::{DynValue, PrimitiveTensorElementType, TensorElementType, TensorRef};

use crate::error::RunError;

/// The tensor as an ONNX Runtime value: a view of the same memory, except for strings.
pub(super) fn to_ort(tensor: &Tensor) -> Result<SessionInputValue<'_>, RunError> {
    let failed = |error: ort::Error| RunError::failed(error.message().to_owned());
    macro_rules! view {
        ($values:expr) => {
            TensorRef::from_array_view((tensor.shape(), $values.as_slice())).map_err(failed)?.into()
        };
    }
    Ok(match tensor.data() {
        TensorData::Bool(values) => view!(values),
        TensorData::Uint8(values) => view!(values),
        TensorData::Uint16(values) => view!(values),
        TensorData::Uint32(values) => view!(values),
        TensorData::Uint64(values) => view!(values),
        TensorData::Int8(values) => view!(values),
        TensorData::Int16(values) => view!(values),
        TensorData::Int32(values) => view!(values),
        TensorData::Int64(values) => view!(values),
        TensorData::Fp16(values) => view!(values),
        TensorData::Fp32(values) => view!(values),
        TensorData::Fp64(values) => view!(values),
        TensorData::Bf16(values) => view!(values),
        TensorData::Bytes(values) => {
            if let Some(index) = values.iter().position(|text| text.contains('\0')) {
                let (name, what) =
                    (tensor.name(), "expected text without a zero byte, which would end it for the network");
                let public = format!("input {name:?}: data[{index}]: {what}");
                return Err(RunError::Refused { internal: public.clone(), public });
            }
            let values = ort::value::Tensor::from_string_array((tensor.shape(), values.as_slice()));
            values.map_err(failed)?.into()
        }
    })
}

/// The output `name` of a run on `inputs`, in the run's own memory; `guard` keeps its session alive.
pub(super) fn from_ort(
    name: &str,
    value: DynValue,
    guard: &SessionGuard,
    inputs: &[Tensor],
) -> Result<Tensor, RunError> {
    let failed = |error: ort::Error| RunError::failed(format!("output {name:?}: {}", error.message()));
    let element =
        value.dtype().tensor_type().ok_or_else(|| RunError::failed(format!("output {name:?} is no tensor")))?;
    let datatype =
        datatype(element).ok_or_else(|| RunError::failed(format!("output {name:?} is a tensor of {element}")))?;
    macro_rules! numbers {
        ($($variant:ident: $type:ty),*) => {
            match datatype {
                $(Datatype::$variant => {
                    let (shape, numbers) = value.try_extract_tensor::<$type>().map_err(failed)?;
                    let (shape, count) = (shape.to_vec(), numbers.len());
                    let copied = size_of_val(numbers) <= MAX_COPIED_BYTES || inputs.iter().any(|input| shares_memory(numbers, input));
                    let values = if copied {
                        numbers.to_vec().into()
                    } else {
                        let bytes = size_of_val(numbers);
                        LENT_BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
                        let buffer = OrtBuffer::<$type> { value, bytes, _guard: guard.clone(), of: std::marker::PhantomData };
                        TensorBuffer::from_le_bytes(Bytes::from_owner(buffer)).filter(|values| values.len() == count)
                            .ok_or_else(|| RunError::failed(format!("output {name:?} has no whole numbers")))?
                    };
                    (shape, TensorData::$variant(values))
                })*
                Datatype::Bool => {
                    let (shape, values) = value.try_extract_tensor::<bool>().map_err(failed)?;
                    (shape.to_vec(), TensorData::Bool(values.to_vec()))
                }
                Datatype::Bytes => {
                    let (shape, values) = value.try_extract_strings().map_err(failed)?;
                    (shape.to_vec(), TensorData::Bytes(values))
                }
            }
        };
    }
    let (shape, data) = numbers!(
        Uint8: u8, Uint16: u16, Uint32: u32, Uint64: u64, Int8: i8, Int16: i16, Int32: i32, Int64: i64,
        Fp16: half::f16, Fp32: f32, Fp64: f64, Bf16: half::bf16
    );
    let shape = shape.iter().map(|dim| usize::try_from(*dim).unwrap_or_default()).collect();
    Tensor::new(name, shape, data).map_err(|error| RunError::failed(error.to_string()))
}

/// The protocol's datatype of an element type; `None` if it has none.
pub(super) fn datatype(element: TensorElementType) -> Option<Datatype> {
    Some(match element {
        TensorElementType::Bool => Datatype::Bool,
        TensorElementType::Uint8 => Datatype::Uint8,
        TensorElementType::Uint16 => Datatype::Uint16,
        TensorElementType::Uint32 => Datatype::Uint32,
        TensorElementType::Uint64 => Datatype::Uint64,
        TensorElementType::Int8 => Datatype::Int8,
        TensorElementType::Int16 => Datatype::Int16,
        TensorElementType::Int32 => Datatype::Int32,
        TensorElementType::Int64 => Datatype::Int64,
        TensorElementType::Float16 => Datatype::Fp16,
        TensorElementType::Float32 => Datatype::Fp32,
        TensorElementType::Float64 => Datatype::Fp64,
        TensorElementType::Bfloat16 => Datatype::Bf16,
        TensorElementType::String => Datatype::Bytes,
        _ => return None,
    })
}

/// Whether `numbers` share memory with `input`: a network that returns an input does not copy it.
fn shares_memory<T>(numbers: &[T], input: &Tensor) -> bool {
    let theirs = for_each_datatype!(input.data(), values => address(values.as_slice()));
    let ours = address(numbers);
    ours.start < theirs.end && theirs.start < ours.end
}

fn address<T>(values: &[T]) -> std::ops::Range<usize> {
    let range = values.as_ptr_range();
    range.start.addr()..range.end.addr()
}

/// Keeps a session and its weights alive; the weights are dropped last.
pub(super) type SessionGuard = (Arc<SharedSessionInner>, Bytes);

/// An output in the run's memory, with its session: an output can be one of the weights.
struct OrtBuffer<T> {
    value: DynValue,
    bytes: usize,
    _guard: SessionGuard,
    of: std::marker::PhantomData<T>,
}

impl<T: PrimitiveTensorElementType + amaas_wire::TensorElement> AsRef<[u8]> for OrtBuffer<T> {
    fn as_ref(&self) -> &[u8] {
        // It was extracted before, so this cannot fail; an empty slice would fail the length check.
        self.value.try_extract_tensor::<T>().map_or(&[], |(_, numbers)| bytemuck::cast_slice(numbers))
    }
}

impl<T> Drop for OrtBuffer<T> {
    fn drop(&mut self) {
        LENT_BYTES.fetch_sub(self.bytes as u64, Ordering::Relaxed);
    }
}

/// Bytes of outputs that are still in the runs' memory.
pub(super) fn lent_bytes() -> u64 {
    LENT_BYTES.load(Ordering::Relaxed)
}

static LENT_BYTES: AtomicU64 = AtomicU64::new(0);

/// Outputs up to this size are copied, since that costs less than keeping the run's memory.
const MAX_COPIED_BYTES: usize = 4 << 10;
