//! Errors of an ONNX file and its external data.

use std::ops::Range;

/// Why a network's files are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum OnnxError {
    /// The file is not an ONNX file.
    #[error("not an ONNX file: {0}")]
    NotOnnx(String),
    /// The file has ONNX Runtime's own format.
    #[error(
        "not an ONNX file, but one in ONNX Runtime's own format (.ort); publish the ONNX file that it was made from"
    )]
    OrtForm,
    /// The network has no outputs.
    #[error("the network has no outputs")]
    NoOutputs,
    /// An input or output is not a tensor, or its datatype is not supported.
    #[error(
        "{kind} {name:?} is {got}; only tensors of the protocol's datatypes are served (no complex numbers, none of 8 bits or fewer but INT8, UINT8 and BOOL){}",
        advice.map(|advice| format!(". {advice}")).unwrap_or_default()
    )]
    Value {
        kind: &'static str,
        name: String,
        got: String,
        /// What would work, if it is not a tensor.
        advice: Option<&'static str>,
    },
    /// The operator `ZipMap` makes an output, and cannot be removed.
    #[error("the operator ZipMap that makes output {output:?} cannot be removed: {what}; {ZIP_MAP_ADVICE}")]
    ZipMap { output: String, what: String },
    /// The class labels are larger than the metadata of a manifest.
    #[error("the class labels of ZipMap take {got} bytes as JSON, expected at most {expected}; {ZIP_MAP_ADVICE}")]
    Labels { expected: usize, got: usize },
    /// A random operator has an invalid distribution, at which ONNX Runtime would abort the process.
    #[error("the operator {operator} (node {node:?}) has an invalid distribution: {what}")]
    Random { operator: String, node: String, what: String },
    /// The ONNX file itself cannot be read.
    #[error("{0}")]
    Io(String),
    /// The location of an external tensor is malformed.
    #[error("tensor {tensor:?} is external data with a malformed reference: {cause}")]
    Reference { tensor: String, cause: String },
    /// A path leads out of the folder.
    #[error(
        "tensor {tensor:?} is in the file {file:?}, which is refused: {cause}; expected a plain path below the ONNX file's folder"
    )]
    Location { tensor: String, file: String, cause: &'static str },
    /// A link leads out of the folder.
    #[error(
        "the file {file:?}, in which the network has weights, is refused: it is a link out of the ONNX file's folder; put the file itself there"
    )]
    Outside { file: String },
    /// The file is missing.
    #[error("the file {file:?}, in which the network has weights, is missing; it has to be beside the ONNX file")]
    Missing { file: String },
    /// The file cannot be read.
    #[error("the file {file:?}, in which the network has weights, cannot be read: {cause}")]
    Unreadable { file: String, cause: String },
    /// The datatype cannot be stored in external data.
    #[error("tensor {tensor:?} is of {got}, whose values cannot be in another file")]
    Datatype { tensor: String, got: String },
    /// Datatype and shape require another number of bytes.
    #[error("tensor {tensor:?} has {got} bytes of the file {file:?}; its datatype and shape need {expected}")]
    Length { tensor: String, file: String, expected: u64, got: u64 },
    /// The file is too short.
    #[error("tensor {tensor:?} is in bytes {} to {} of the file {file:?}, which has {size}", span.start, span.end)]
    Range { tensor: String, file: String, span: Range<u64>, size: u64 },
    /// The external tensor is not an initializer of the main graph.
    #[error(
        "tensor {tensor:?} of a subgraph, an attribute or a function is in the file {file:?}; only initializers of the main graph may"
    )]
    Nested { tensor: String, file: String },
    /// The ONNX file has 2 GiB or more.
    #[error(
        "the tensors of subgraphs, attributes and functions make the ONNX file {got} bytes large; expected fewer than 2 GiB"
    )]
    Large { got: u64 },
}

/// The advice for a classifier whose `ZipMap` cannot be removed.
const ZIP_MAP_ADVICE: &str =
    "convert the model with options={'zipmap': False}, and it gives a matrix of scores in the place of maps";
