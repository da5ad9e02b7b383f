//! Why a tensor is refused.

use super::datatype::Datatype;
use super::limits::{MAX_NAME_LEN, MAX_RANK};

/// Why a tensor that arrived is refused. The text names the tensor, what was expected and what arrived, and never
/// repeats a value of the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum TensorError {
    /// The shape's product and the number of values differ.
    #[error("tensor {tensor:?}: shape {shape:?} needs {expected} values, got {got}")]
    Count { tensor: String, shape: Vec<usize>, expected: usize, got: usize },
    /// There are more values than the shape's product. Reading stopped there.
    #[error("tensor {tensor:?}: shape {shape:?} needs {expected} values, got more")]
    More { tensor: String, shape: Vec<usize>, expected: usize },
    /// A name longer than [`MAX_NAME_LEN`]; the error does not repeat it.
    #[error("a tensor's name has {got} bytes, expected at most {MAX_NAME_LEN}")]
    Name { got: usize },
    /// The shape's product does not fit into a `usize`.
    #[error("tensor {tensor:?}: the product of shape {shape:?} overflows")]
    Overflow { tensor: String, shape: Vec<usize> },
    /// More dimensions than [`MAX_RANK`].
    #[error("tensor {tensor:?}: expected at most {MAX_RANK} dimensions, got {got}")]
    Rank { tensor: String, got: usize },
    /// A dimension is negative.
    #[error("tensor {tensor:?}: dimension {axis} of the shape is negative")]
    Negative { tensor: String, axis: usize },
    /// An unknown datatype.
    #[error(
        "tensor {tensor:?}: unknown datatype; expected one of BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, \
         INT32, INT64, FP16, FP32, FP64, BYTES, BF16"
    )]
    Datatype { tensor: String },
    /// A value is of another kind than the datatype.
    #[error("tensor {tensor:?}: data[{index}]: expected {expected}, got {got}")]
    Value { tensor: String, index: usize, expected: &'static str, got: &'static str },
    /// Nested data does not follow the shape.
    #[error("tensor {tensor:?}: nested data does not follow shape {shape:?}: {what}")]
    Nesting { tensor: String, shape: Vec<usize>, what: String },
    /// Neither values as JSON nor as binary data.
    #[error("tensor {tensor:?}: expected `data`, or the parameter `binary_data_size`, got neither")]
    NoData { tensor: String },
    /// Values both as JSON and as binary data.
    #[error("tensor {tensor:?}: expected `data` or the parameter `binary_data_size`, got both")]
    TwoData { tensor: String },
    /// A size of binary data that is not a whole number.
    #[error("tensor {tensor:?}: binary_data_size: expected a whole number of bytes")]
    BinarySize { tensor: String },
    /// Fewer bytes are left than the size of the tensor.
    #[error("tensor {tensor:?}: binary_data_size is {expected}, but {got} bytes of binary data are left")]
    BinaryShort { tensor: String, expected: u64, got: usize },
    /// Binary data in a message without any.
    #[error(
        "tensor {tensor:?}: binary_data_size is {expected}, but the message has no binary data; the header \
         Inference-Header-Content-Length says where it begins"
    )]
    BinaryNone { tensor: String, expected: u64 },
    /// A parameter that is not supported.
    #[error("tensor {tensor:?}: the parameter `{parameter}` is not taken here")]
    Parameter { tensor: String, parameter: String },
    /// The number of bytes does not fit the shape.
    #[error("tensor {tensor:?}: shape {shape:?} of {datatype} needs {expected} bytes of binary data, got {got}")]
    ByteCount { tensor: String, datatype: Datatype, shape: Vec<usize>, expected: usize, got: usize },
    /// The bytes end before or in an element of BYTES.
    #[error(
        "tensor {tensor:?}: the binary data ends before or in data[{index}]; shape and lengths ask for {count} elements"
    )]
    ByteElement { tensor: String, index: usize, count: usize },
    /// There are bytes after the last element of BYTES.
    #[error("tensor {tensor:?}: its {count} elements take {expected} bytes of binary data, got {got}")]
    ByteRest { tensor: String, count: usize, expected: usize, got: usize },
    /// A datatype that JSON cannot express.
    #[error(
        "tensor {tensor:?}: BF16 has no form in JSON, only as binary data (the parameter `binary_data_size` or `binary_data_output`)"
    )]
    BinaryOnly { tensor: String },
    /// A value that JSON cannot express.
    #[error(
        "tensor {tensor:?}: data[{index}] is not a finite number, which JSON cannot carry; binary data can (the parameter \
         `binary_data_output`, or `binary_data` of an output)"
    )]
    NotFinite { tensor: String, index: usize },
}
