//! What is wrong with an ONNX file, or with the files beside it.

use std::ops::Range;

/// Why a network's files are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum OnnxError {
    /// Other bytes.
    #[error("not an ONNX file: {0}")]
    NotOnnx(String),
    /// The form that ONNX Runtime writes.
    #[error("not an ONNX file, but one in ONNX Runtime's own form (.ort); publish the ONNX file that it was made of")]
    OrtForm,
    /// Nothing would come out.
    #[error("the network has no outputs")]
    NoOutputs,
    /// An input or output that is not a tensor, or one of a datatype that is not carried.
    #[error(
        "{kind} {name:?} is {got}; only tensors of the protocol's datatypes are served (no complex numbers, none of 8 bits or fewer but INT8, UINT8 and BOOL){}",
        if *zip_map { ZIP_MAP } else { "" }
    )]
    Value {
        kind: &'static str,
        name: String,
        got: String,
        /// Whether the operator `ZipMap` makes it, which converters of scikit-learn add unless they are told not to.
        zip_map: bool,
    },
    /// A distribution that ONNX Runtime would end the process at.
    #[error("the operator {operator} (node {node:?}) has a distribution that there is none of: {what}")]
    Random { operator: String, node: String, what: String },
    /// The ONNX file itself cannot be read.
    #[error("{0}")]
    Io(String),
    /// The ONNX file says in an unknown way where a tensor lies.
    #[error("tensor {tensor:?} lies in another file, but the network's file does not say well where: {cause}")]
    Reference { tensor: String, cause: String },
    /// A name that leads out of the folder.
    #[error(
        "tensor {tensor:?} lies in the file {file:?}, which is refused: {cause}; expected a plain path below the ONNX file's folder"
    )]
    Location { tensor: String, file: String, cause: &'static str },
    /// A link that leads out of the folder.
    #[error(
        "the file {file:?}, in which the network has weights, is refused: it is a link out of the ONNX file's folder; put the file itself there"
    )]
    Outside { file: String },
    /// The file is not there.
    #[error("the file {file:?}, in which the network has weights, is missing; it has to lie beside the ONNX file")]
    Missing { file: String },
    /// The file cannot be read.
    #[error("the file {file:?}, in which the network has weights, cannot be read: {cause}")]
    Unreadable { file: String, cause: String },
    /// A datatype whose values cannot lie in another file.
    #[error("tensor {tensor:?} is of {got}, whose values cannot lie in another file")]
    Datatype { tensor: String, got: String },
    /// Datatype and shape need another number of bytes.
    #[error("tensor {tensor:?} has {got} bytes of the file {file:?}; its datatype and shape need {expected}")]
    Length { tensor: String, file: String, expected: u64, got: u64 },
    /// The file is shorter.
    #[error("tensor {tensor:?} lies in bytes {} to {} of the file {file:?}, which has {size}", span.start, span.end)]
    Range { tensor: String, file: String, span: Range<u64>, size: u64 },
    /// Not one of the main graph's own.
    #[error(
        "tensor {tensor:?} of a subgraph, an attribute or a function lies in the file {file:?}; only initializers of the main graph may"
    )]
    Nested { tensor: String, file: String },
    /// An ONNX file of 2 GiB or more.
    #[error(
        "the tensors of subgraphs, attributes and functions make the ONNX file {got} bytes large; expected fewer than 2 GiB"
    )]
    Large { got: u64 },
}

/// What to do about an output of `ZipMap`.
const ZIP_MAP: &str = ". The operator ZipMap makes it: convert the model with options={'zipmap': False}, and it gives a tensor of \
    probabilities in its place";
