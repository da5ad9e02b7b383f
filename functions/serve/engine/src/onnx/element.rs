//! `TensorProto.DataType`.

/// The name of a datatype in `onnx.proto`, and the bits that a value takes in raw form; 0 for texts, which have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) bits: u64,
}

impl Element {
    /// The datatype of that number; `None` where it is not known here.
    pub(super) fn of(number: i32) -> Option<Self> {
        let (name, bits) = *ELEMENTS.get(usize::try_from(number).ok()?.checked_sub(1)?)?;
        Some(Self { name, bits })
    }

    /// What the datatype of that number is called.
    pub(super) fn name(number: Option<i32>) -> String {
        let number = number.unwrap_or_default();
        Self::of(number).map_or_else(|| format!("datatype {number}"), |element| element.name.to_owned())
    }
}

/// In the order of their numbers, from 1 on.
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
