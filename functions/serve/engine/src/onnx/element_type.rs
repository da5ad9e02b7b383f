//! `TensorProto.DataType`.

/// A datatype of `onnx.proto`: its name, and the bits of a raw value; 0 for strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ElementType {
    pub(super) name: &'static str,
    pub(super) bits: u64,
}

impl ElementType {
    /// The datatype with this number; `None` if it is unknown.
    pub(super) fn of(number: i32) -> Option<Self> {
        let (name, bits) = *ELEMENTS.get(usize::try_from(number).ok()?.checked_sub(1)?)?;
        Some(Self { name, bits })
    }

    /// The name of the datatype with this number.
    pub(super) fn name(number: Option<i32>) -> String {
        let number = number.unwrap_or_default();
        Self::of(number).map_or_else(|| format!("datatype {number}"), |element| element.name.to_owned())
    }
}

/// In the order of their numbers, from 1.
const ELEMENTS: [(&str, u64); 26] = [
    ("FLOAT", 32),
    ("UINT8", 8),
    ("INT8", 8),
    ("UINT16", 16),
    ("INT16", 16),
    ("INT32", 32),
    ("INT64", 64),
    ("STRING", 0),
    ("BOOL", 8),
    ("FLOAT16", 16),
    ("DOUBLE", 64),
    ("UINT32", 32),
    ("UINT64", 64),
    ("COMPLEX64", 64),
    ("COMPLEX128", 128),
    ("BFLOAT16", 16),
    ("FLOAT8E4M3FN", 8),
    ("FLOAT8E4M3FNUZ", 8),
    ("FLOAT8E5M2", 8),
    ("FLOAT8E5M2FNUZ", 8),
    ("UINT4", 4),
    ("INT4", 4),
    ("FLOAT4E2M1", 4),
    ("FLOAT8E8M0", 8),
    ("UINT2", 2),
    ("INT2", 2),
];
