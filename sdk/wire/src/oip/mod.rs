//! Open Inference Protocol v2: the messages of its REST routes, in JSON and with binary tensor data.
//!
//! Sources: the protocol's `inference_rest.md`, and "Tensor Data" of its `required_api.md`. A server may coerce values or refuse
//! them. This crate refuses them, except that FP16 and FP32 take the nearest value: JSON has no FP16 form of its own.
//!
//! The binary tensor data extension (Triton's `extension_binary_data.md`, `KServe`'s "Binary Tensor Data Extension") puts tensors
//! as bytes after the JSON, in the order in which the JSON names them. A header gives the length of the JSON, `binary_data_size`
//! the bytes of each tensor, and `binary_data` and `binary_data_output` choose it for outputs. Its raw form, a body of one tensor
//! without JSON, needs the model's metadata and is not here. The parameter `classification` of an output is Triton's
//! (`extension_classification.md`). Routes of Triton beyond the protocol are in [`triton`].

mod decode;
mod encode;
mod encoding;
mod error;
mod health;
mod limits;
mod message;
mod metadata;
mod parameters;
#[cfg(feature = "schema")]
mod schema;
mod stated;
#[cfg(test)]
mod tests;
pub mod triton;

pub use encode::EncodedBody;
pub use encoding::{OutputEncodings, TensorEncoding};
pub use error::ErrorBody;
pub use health::{ReadyState, ServerLive};
pub use limits::{HEADER_LENGTH, MEDIA_TYPE};
pub use message::{InferRequest, InferResponse};
pub use metadata::{ModelMetadata, ServerMetadata, TensorMetadata};
pub use stated::StatedDatatype;
