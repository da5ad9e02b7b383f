//! A tensor: name, datatype, shape and values, as the Open Inference Protocol v2 names them.
//!
//! Invariant: a [`Tensor`]'s shape and values agree in number, because [`Tensor::new`] is the only way to make one.

use std::ops::Range;

use half::{bf16, f16};

pub use crate::datatype::Datatype;
pub use crate::tensor_error::TensorError;
pub use crate::values::{Number, Values};

/// One named tensor.
///
/// ```
/// use amaas_wire::{Tensor, TensorData};
///
/// let ids = Tensor::new("input_ids", vec![1, 3], vec![1_i64, 14, 22])?;
/// assert_eq!((ids.rows(), ids.data()), (Some(1), &TensorData::Int64(vec![1, 14, 22].into())));
/// # Ok::<(), amaas_wire::TensorError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "crate::oip::schema::JsonTensor"))]
pub struct Tensor {
    name: String,
    shape: Vec<usize>,
    data: TensorData,
}

impl Tensor {
    /// Makes a tensor of `shape` from `data` in row-major order.
    ///
    /// # Errors
    /// [`TensorError::Count`] when the shape does not hold exactly that many values, [`TensorError::Overflow`] when
    /// its product does not fit, [`TensorError::Rank`] when it has more than [`MAX_RANK`] dimensions.
    pub fn new(name: impl Into<String>, shape: Vec<usize>, data: impl Into<TensorData>) -> Result<Self, TensorError> {
        let (name, data) = (name.into(), data.into());
        let expected = element_count(&name, &shape)?;
        if expected == data.len() {
            Ok(Self { name, shape, data })
        } else {
            Err(TensorError::Count { tensor: name, shape, expected, got: data.len() })
        }
    }

    /// The tensor's name in the network.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The datatype of every value.
    pub fn datatype(&self) -> Datatype {
        self.data.datatype()
    }

    /// Dimensions, outermost first; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values in row-major order.
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// The size of the first dimension, which is the batch; `None` for a scalar.
    pub fn rows(&self) -> Option<usize> {
        self.shape.first().copied()
    }

    /// Refuses where a value is NaN or infinite, which JSON has no way to write.
    ///
    /// # Errors
    /// [`TensorError::NotFinite`] names the first such value.
    pub fn check_finite(&self) -> Result<(), TensorError> {
        let at = match &self.data {
            TensorData::Fp16(values) => values.iter().position(|value| !value.is_finite()),
            TensorData::Fp32(values) => values.iter().position(|value| !value.is_finite()),
            TensorData::Fp64(values) => values.iter().position(|value| !value.is_finite()),
            TensorData::Bf16(values) => values.iter().position(|value| !value.is_finite()),
            _ => None,
        };
        match at {
            None => Ok(()),
            Some(index) => Err(TensorError::NotFinite { tensor: self.name.clone(), index }),
        }
    }

    /// Name, shape and values, apart.
    pub fn into_parts(self) -> (String, Vec<usize>, TensorData) {
        (self.name, self.shape, self.data)
    }
}

/// The values of a tensor, row-major, in their own type.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // the variants are the datatypes
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum TensorData {
    Bool(Vec<bool>),
    Uint8(Values<u8>),
    Uint16(Values<u16>),
    Uint32(Values<u32>),
    Uint64(Values<u64>),
    Int8(Values<i8>),
    Int16(Values<i16>),
    Int32(Values<i32>),
    Int64(Values<i64>),
    Fp16(Values<f16>),
    Fp32(Values<f32>),
    Fp64(Values<f64>),
    Bytes(Vec<String>),
    Bf16(Values<bf16>),
}

/// Runs `$body` with `$values` bound to the vector inside a [`TensorData`], whatever its type.
#[macro_export]
macro_rules! for_each_datatype {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            $crate::TensorData::Bool($values) => $body,
            $crate::TensorData::Uint8($values) => $body,
            $crate::TensorData::Uint16($values) => $body,
            $crate::TensorData::Uint32($values) => $body,
            $crate::TensorData::Uint64($values) => $body,
            $crate::TensorData::Int8($values) => $body,
            $crate::TensorData::Int16($values) => $body,
            $crate::TensorData::Int32($values) => $body,
            $crate::TensorData::Int64($values) => $body,
            $crate::TensorData::Fp16($values) => $body,
            $crate::TensorData::Fp32($values) => $body,
            $crate::TensorData::Fp64($values) => $body,
            $crate::TensorData::Bytes($values) => $body,
            $crate::TensorData::Bf16($values) => $body,
        }
    };
}

impl TensorData {
    /// The datatype of the values.
    pub fn datatype(&self) -> Datatype {
        match self {
            Self::Bool(_) => Datatype::Bool,
            Self::Uint8(_) => Datatype::Uint8,
            Self::Uint16(_) => Datatype::Uint16,
            Self::Uint32(_) => Datatype::Uint32,
            Self::Uint64(_) => Datatype::Uint64,
            Self::Int8(_) => Datatype::Int8,
            Self::Int16(_) => Datatype::Int16,
            Self::Int32(_) => Datatype::Int32,
            Self::Int64(_) => Datatype::Int64,
            Self::Fp16(_) => Datatype::Fp16,
            Self::Fp32(_) => Datatype::Fp32,
            Self::Fp64(_) => Datatype::Fp64,
            Self::Bytes(_) => Datatype::Bytes,
            Self::Bf16(_) => Datatype::Bf16,
        }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        for_each_datatype!(self, values => values.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes of memory the values take.
    pub fn byte_size(&self) -> usize {
        let width = for_each_datatype!(self, values => size_of_val(values.as_slice()));
        match self {
            Self::Bytes(values) => values.iter().map(String::capacity).sum::<usize>() + width,
            _ => width,
        }
    }

    /// Puts the values of `other` behind these; where it has another datatype, nothing changes and the answer is `false`.
    ///
    /// ```
    /// use amaas_wire::TensorData;
    ///
    /// let mut rows = TensorData::from(vec![1_i8]);
    /// assert!(rows.extend_from(&TensorData::from(vec![2_i8, 3])));
    /// assert_eq!(rows, TensorData::from(vec![1_i8, 2, 3]));
    /// ```
    #[must_use]
    pub fn extend_from(&mut self, other: &Self) -> bool {
        macro_rules! extend {
            ($($variant:ident),*) => {
                match (self, other) {
                    (Self::Bool(values), Self::Bool(more)) => values.extend_from_slice(more),
                    (Self::Bytes(values), Self::Bytes(more)) => values.extend_from_slice(more),
                    $((Self::$variant(values), Self::$variant(more)) => values.to_mut().extend_from_slice(more),)*
                    _ => return false,
                }
            };
        }
        extend!(Uint8, Uint16, Uint32, Uint64, Int8, Int16, Int32, Int64, Fp16, Fp32, Fp64, Bf16);
        true
    }

    /// A copy of the values of `range`; `None` where it goes beyond the end.
    ///
    /// ```
    /// use amaas_wire::TensorData;
    ///
    /// let rows = TensorData::from(vec![1_i8, 2, 3]);
    /// assert_eq!(rows.slice(1..3), Some(vec![2_i8, 3].into()));
    /// assert_eq!(rows.slice(1..4), None);
    /// ```
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        macro_rules! slice {
            ($($variant:ident),*) => {
                match self {
                    Self::Bool(values) => Self::Bool(values.get(range)?.to_vec()),
                    Self::Bytes(values) => Self::Bytes(values.get(range)?.to_vec()),
                    $(Self::$variant(values) => Self::$variant(values.slice(range)?),)*
                }
            };
        }
        Some(slice!(Uint8, Uint16, Uint32, Uint64, Int8, Int16, Int32, Int64, Fp16, Fp32, Fp64, Bf16))
    }

    /// The values as 32-bit floats, where they are.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match self {
            Self::Fp32(values) => Some(values),
            _ => None,
        }
    }

    /// An empty list of values of the datatype `datatype`.
    pub fn empty(datatype: Datatype) -> Self {
        match datatype {
            Datatype::Bool => Self::Bool(Vec::new()),
            Datatype::Uint8 => Self::Uint8(Values::default()),
            Datatype::Uint16 => Self::Uint16(Values::default()),
            Datatype::Uint32 => Self::Uint32(Values::default()),
            Datatype::Uint64 => Self::Uint64(Values::default()),
            Datatype::Int8 => Self::Int8(Values::default()),
            Datatype::Int16 => Self::Int16(Values::default()),
            Datatype::Int32 => Self::Int32(Values::default()),
            Datatype::Int64 => Self::Int64(Values::default()),
            Datatype::Fp16 => Self::Fp16(Values::default()),
            Datatype::Fp32 => Self::Fp32(Values::default()),
            Datatype::Fp64 => Self::Fp64(Values::default()),
            Datatype::Bytes => Self::Bytes(Vec::new()),
            Datatype::Bf16 => Self::Bf16(Values::default()),
        }
    }
}

macro_rules! from_vectors {
    ($($type:ty => $variant:ident),*) => {
        $(impl From<Vec<$type>> for TensorData {
            fn from(values: Vec<$type>) -> Self {
                Self::$variant(values.into())
            }
        })*
    };
}

from_vectors!(
    bool => Bool, u8 => Uint8, u16 => Uint16, u32 => Uint32, u64 => Uint64, i8 => Int8, i16 => Int16, i32 => Int32,
    i64 => Int64, f16 => Fp16, f32 => Fp32, f64 => Fp64, String => Bytes, bf16 => Bf16
);

/// Name, datatype and shape as a message states them, checked: of a name its length, of a datatype that it is one, of dimensions
/// that none is negative.
///
/// ```
/// use amaas_wire::{Datatype, TensorError, tensor::stated};
///
/// assert_eq!(stated("x".to_owned(), "FP32", &[1, 2])?, ("x".to_owned(), Datatype::Fp32, vec![1, 2]));
/// assert!(matches!(stated("x".to_owned(), "FP31", &[]), Err(TensorError::Datatype { .. })));
/// # Ok::<(), TensorError>(())
/// ```
///
/// # Errors
/// [`TensorError::Name`], [`TensorError::Datatype`] or [`TensorError::Negative`].
pub fn stated(tensor: String, datatype: &str, shape: &[i64]) -> Result<(String, Datatype, Vec<usize>), TensorError> {
    if tensor.len() > MAX_NAME {
        return Err(TensorError::Name { got: tensor.len() });
    }
    let Some(datatype) = Datatype::from_name(datatype) else {
        return Err(TensorError::Datatype { tensor });
    };
    let size = |(axis, dim): (usize, &i64)| usize::try_from(*dim).map_err(|_| axis);
    match shape.iter().enumerate().map(size).collect() {
        Ok(shape) => Ok((tensor, datatype, shape)),
        Err(axis) => Err(TensorError::Negative { tensor, axis }),
    }
}

/// The number of values of `shape`, checked.
pub(crate) fn element_count(tensor: &str, shape: &[usize]) -> Result<usize, TensorError> {
    if shape.len() > MAX_RANK {
        return Err(TensorError::Rank { tensor: tensor.to_owned(), got: shape.len() });
    }
    // A zero anywhere makes the tensor empty, but the other dimensions must still be sane.
    let product = shape.iter().filter(|dim| **dim != 0).try_fold(1_usize, |product, dim| product.checked_mul(*dim));
    match product {
        Some(_) if shape.contains(&0) => Ok(0),
        Some(count) => Ok(count),
        None => Err(TensorError::Overflow { tensor: tensor.to_owned(), shape: shape.to_vec() }),
    }
}

/// The most dimensions that a tensor may have; ONNX networks in use have at most eight.
pub const MAX_RANK: usize = 16;
/// The most bytes of a tensor's name in a message; an error repeats the name, so it must not be a payload of its own.
pub const MAX_NAME: usize = 256;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn count_must_match_the_shape() {
        let error = Tensor::new("x", vec![2, 3], vec![0.0_f32; 5]).expect_err("5 is not 6");
        assert_eq!(error.to_string(), "tensor \"x\": shape [2, 3] needs 6 values, got 5");
    }

    #[test]
    fn scalars_and_empty_tensors_are_tensors() {
        assert!(Tensor::new("x", vec![], vec![7_i64]).is_ok());
        assert!(Tensor::new("x", vec![0, 3], Vec::<i64>::new()).is_ok());
    }

    #[test]
    fn products_that_overflow_are_refused() {
        let shape = vec![usize::MAX, 2];
        assert!(matches!(Tensor::new("x", shape, Vec::<i8>::new()), Err(TensorError::Overflow { .. })));
        let shape = vec![usize::MAX, 2, 0];
        assert!(matches!(Tensor::new("x", shape, Vec::<i8>::new()), Err(TensorError::Overflow { .. })));
        assert!(matches!(Tensor::new("x", vec![1; 17], vec![0_i8]), Err(TensorError::Rank { .. })));
    }

    #[test]
    fn values_are_joined_and_cut_in_every_datatype() {
        for datatype in Datatype::ALL {
            let width = datatype.width().unwrap_or(5);
            let both = match datatype {
                Datatype::Bytes => vec![1, 0, 0, 0, b'a', 1, 0, 0, 0, b'b'],
                _ => [0, 1].iter().flat_map(|value| std::iter::repeat_n(*value, width)).collect(),
            };
            let read = |values: Range<usize>| {
                let bytes = Bytes::copy_from_slice(&both[values.start * width..values.end * width]);
                Tensor::from_bytes("x".to_owned(), datatype, vec![values.len()], bytes).expect("a tensor")
            };
            let mut data = TensorData::empty(datatype);
            assert!(data.extend_from(read(0..1).data()) && data.extend_from(read(1..2).data()));
            assert_eq!(&data, read(0..2).data());
            assert_eq!(data.slice(1..2).as_ref(), Some(read(1..2).data()));
            assert_eq!(read(0..2).data().slice(1..2).as_ref(), Some(read(1..2).data()));
            assert_eq!(data.slice(1..3), None);
            let other = if datatype == Datatype::Bool { Datatype::Int8 } else { Datatype::Bool };
            assert!(!data.extend_from(&TensorData::empty(other)));
        }
    }

    #[test]
    fn sizes_are_those_in_memory() {
        assert_eq!(TensorData::Int64(vec![0; 3].into()).byte_size(), 24);
        assert_eq!(TensorData::Bytes(vec!["abc".to_owned(); 2]).byte_size(), 2 * size_of::<String>() + 6);
    }

    #[test]
    fn what_is_not_finite_is_named() {
        let tensor = |values: Vec<f64>| Tensor::new("y", vec![2], values).expect("two values");
        assert_eq!(tensor(vec![0.0, 1.0]).check_finite(), Ok(()));
        let error = tensor(vec![0.0, f64::INFINITY]).check_finite().expect_err("infinite");
        assert!(
            error.to_string().starts_with("tensor \"y\": data[1] is not a finite number, which JSON cannot carry; ")
        );
    }

    #[test]
    fn names_and_datatypes_round_trip() {
        for datatype in Datatype::ALL {
            assert_eq!(Datatype::from_name(datatype.name()), Some(datatype));
            assert_eq!(TensorData::empty(datatype).datatype(), datatype);
            let json = serde_json::to_string(&datatype).expect("a datatype is a string");
            assert_eq!(json, format!("\"{datatype}\""));
        }
        assert_eq!(Datatype::from_name("fp32"), None);
    }
}
