//! The values of a tensor, in the type of their datatype.

use std::ops::Range;

use half::{bf16, f16};

use super::buffer::TensorBuffer;
use super::datatype::Datatype;

/// The values of a tensor, row-major, in their own type.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // the variants are the datatypes
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum TensorData {
    Bool(Vec<bool>),
    Uint8(TensorBuffer<u8>),
    Uint16(TensorBuffer<u16>),
    Uint32(TensorBuffer<u32>),
    Uint64(TensorBuffer<u64>),
    Int8(TensorBuffer<i8>),
    Int16(TensorBuffer<i16>),
    Int32(TensorBuffer<i32>),
    Int64(TensorBuffer<i64>),
    Fp16(TensorBuffer<f16>),
    Fp32(TensorBuffer<f32>),
    Fp64(TensorBuffer<f64>),
    Bytes(Vec<String>),
    Bf16(TensorBuffer<bf16>),
}

/// Runs `$body` with `$values` bound to the values inside a [`TensorData`], for every datatype.
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

    /// The number of values.
    pub fn len(&self) -> usize {
        for_each_datatype!(self, values => values.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that the values take, in bytes.
    pub fn byte_size(&self) -> usize {
        let width = for_each_datatype!(self, values => size_of_val(values.as_slice()));
        match self {
            Self::Bytes(values) => values.iter().map(String::capacity).sum::<usize>() + width,
            _ => width,
        }
    }

    /// Appends the values of `other`. Returns `false`, and changes nothing, if it has another datatype.
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

    /// A copy of the values of `range`; `None` if it goes beyond the end.
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

    /// The values, if they are FP32.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match self {
            Self::Fp32(values) => Some(values),
            _ => None,
        }
    }

    /// No values, of `datatype`.
    pub fn empty(datatype: Datatype) -> Self {
        match datatype {
            Datatype::Bool => Self::Bool(Vec::new()),
            Datatype::Uint8 => Self::Uint8(TensorBuffer::default()),
            Datatype::Uint16 => Self::Uint16(TensorBuffer::default()),
            Datatype::Uint32 => Self::Uint32(TensorBuffer::default()),
            Datatype::Uint64 => Self::Uint64(TensorBuffer::default()),
            Datatype::Int8 => Self::Int8(TensorBuffer::default()),
            Datatype::Int16 => Self::Int16(TensorBuffer::default()),
            Datatype::Int32 => Self::Int32(TensorBuffer::default()),
            Datatype::Int64 => Self::Int64(TensorBuffer::default()),
            Datatype::Fp16 => Self::Fp16(TensorBuffer::default()),
            Datatype::Fp32 => Self::Fp32(TensorBuffer::default()),
            Datatype::Fp64 => Self::Fp64(TensorBuffer::default()),
            Datatype::Bytes => Self::Bytes(Vec::new()),
            Datatype::Bf16 => Self::Bf16(TensorBuffer::default()),
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
