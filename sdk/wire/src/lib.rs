//! Formats that both sides of a call share: tensors, the Open Inference Protocol's JSON, the native `predict` route,
//! problem documents, API keys, signed receipts, and what seals a call: binary HTTP inside, oblivious HTTP around it, the
//! keys for it and the signatures on those.
//!
//! Invariant: nothing here does I/O, blocks or spawns. A value that can be built is a value that is well formed; every
//! parser takes bytes from outside and answers with a value or an error that names what was expected and what arrived,
//! never with a panic and never with the payload.

pub mod bhttp;
pub mod content_digest;
pub mod dsse;
pub mod json;
pub mod key;
pub mod keys;
pub mod ohttp;
pub mod oip;
pub mod openai;
pub mod predict;
pub mod problem;
pub mod receipt;
pub mod task;
pub mod tensor;
pub mod usage;

mod datatype;
mod error_class;
#[doc(hidden)]
pub mod hex;
mod tensor_bytes;
mod tensor_error;
mod tensor_json;
mod tensor_value;
mod values;
mod varint;

pub use error_class::{Classified, Classify, ErrorClass};
pub use key::{ApiKey, MalformedKey};
pub use tensor::{Datatype, Number, Tensor, TensorData, TensorError, Values};
