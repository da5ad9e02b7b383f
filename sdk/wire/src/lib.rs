//! Formats that both sides of a call share: tensors, the Open Inference Protocol, the native `predict` route, OpenAI's routes,
//! problem documents, API keys, signed receipts, and the signed manifests of sealing keys. The sealing itself is the crate
//! `amaas-ohttp`.
//!
//! Invariant: nothing here does I/O, blocks or spawns. A value that can be built is a value that is well formed; every
//! parser takes bytes from outside and answers with a value or an error that names what was expected and what arrived,
//! never with a panic and never with the payload.

pub mod dsse;
pub mod json;
pub mod key;
pub mod keys;
pub mod oip;
pub mod openai;
pub mod predict;
pub mod problem;
pub mod receipt;
pub mod task;
pub mod tensor;
pub mod usage;

mod datatype;
#[doc(hidden)]
pub mod hex;
mod tensor_bytes;
mod tensor_error;
mod tensor_json;
mod tensor_value;
mod values;

pub use key::{ApiKey, MalformedKey};
pub use tensor::{Datatype, Number, Tensor, TensorData, TensorError, Values};
