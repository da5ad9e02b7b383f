//! Tensors: name, datatype, shape and values, as the Open Inference Protocol v2 names them, in JSON and as bytes.
//!
//! Invariant: the shape of a [`Tensor`] and the number of its values agree, because [`Tensor::new`] is the only way to make one.

mod buffer;
mod bytes;
mod data;
mod datatype;
mod error;
mod header;
pub(crate) mod json;
mod json_value;
mod limits;
mod named;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod shape;
#[cfg(test)]
mod tests;

pub use buffer::{TensorBuffer, TensorElement};
pub use data::TensorData;
pub use datatype::Datatype;
pub use error::TensorError;
pub use header::parse_header;
pub use limits::{MAX_NAME_LEN, MAX_RANK};
pub use named::Tensor;
