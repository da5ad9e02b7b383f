//! Tensors as ONNX Runtime's values, and back: numbers stay where they are.
//!
//! Invariant: an output that is viewed outlives the call whose inputs it came from, so none is that lies in their memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use amaas_wire::{Datatype, Tensor, TensorBuffer, TensorData, for_each_datatype};
use bytes::Bytes;
use ort::session::{SessionInputValue, SharedSessionInner};
use ort::value::{DynValue, PrimitiveTensorElementType, TensorElementType, TensorRef};

use crate::error::RunError;

/// The tensor as ONNX Runtime takes it: a view of the same memory, but for strings.
pub(super) fn given(tensor: &Tensor) -> Result<SessionInputValue<'_>, RunError> {
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

/// The output `name` of a run on `inputs`, where the run left it; the session that ran is `held`.
pub(super) fn left(name: &str, value: DynValue, held: &Held, inputs: &[Tensor]) -> Result<Tensor, RunError> {
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
                    let copied = size_of_val(numbers) <= COPIED || inputs.iter().any(|input| lies_in(numbers, input));
                    let values = if copied {
                        numbers.to_vec().into()
                    } else {
                        let bytes = size_of_val(numbers);
                        HELD.fetch_add(bytes as u64, Ordering::Relaxed);
                        let left = Left::<$type> { value, bytes, _held: held.clone(), of: std::marker::PhantomData };
                        TensorBuffer::from_le_bytes(Bytes::from_owner(left)).filter(|values| values.len() == count)
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

/// The protocol's name of an element type; `None` for those that it does not have.
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

/// Whether `numbers` are in the memory of `input`: a network that gives an input as it is gives no copy of it.
fn lies_in<T>(numbers: &[T], input: &Tensor) -> bool {
    let theirs = for_each_datatype!(input.data(), values => address(values.as_slice()));
    let ours = address(numbers);
    ours.start < theirs.end && theirs.start < ours.end
}

fn address<T>(values: &[T]) -> std::ops::Range<usize> {
    let range = values.as_ptr_range();
    range.start.addr()..range.end.addr()
}

/// A session, and the memory in which it has its weights, if that is not its own; they go in this order.
pub(super) type Held = (Arc<SharedSessionInner>, Bytes);

/// Keeps what a run left, and the session: an output can be one of its weights.
struct Left<T> {
    value: DynValue,
    bytes: usize,
    _held: Held,
    of: std::marker::PhantomData<T>,
}

impl<T: PrimitiveTensorElementType + amaas_wire::TensorElement> AsRef<[u8]> for Left<T> {
    fn as_ref(&self) -> &[u8] {
        // It was read once already, so there is nothing that could fail; an empty answer would be found to be one.
        self.value.try_extract_tensor::<T>().map_or(&[], |(_, numbers)| bytemuck::cast_slice(numbers))
    }
}

impl<T> Drop for Left<T> {
    fn drop(&mut self) {
        HELD.fetch_sub(self.bytes as u64, Ordering::Relaxed);
    }
}

/// Bytes of outputs that lie where runs left them.
pub(super) fn held() -> u64 {
    HELD.load(Ordering::Relaxed)
}

static HELD: AtomicU64 = AtomicU64::new(0);

/// Bytes up to which a copy costs less than keeping the run's own memory.
const COPIED: usize = 4 << 10;
