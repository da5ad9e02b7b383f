//! Formats that both sides of a call share: tensors, the Open Inference Protocol, the native `predict` route, OpenAI's routes,
//! problem documents, API keys, signed receipts, and the signed manifests of sealing keys. Sealing itself is in the crate
//! `amaas-ohttp`.
//!
//! Invariants: nothing here does I/O, blocks or spawns. A value that can be constructed is well formed. Every parser takes
//! untrusted bytes and returns a value, or an error that names what was expected and what arrived. It never panics, and an
//! error never repeats the payload.

pub mod digest;
pub mod dsse;
#[doc(hidden)]
pub mod hex;
pub mod keys;
pub mod oip;
pub mod openai;
pub mod pipeline;
pub mod predict;
pub mod problem;
pub mod receipt;
pub mod task;
pub mod tensor;
pub mod usage;

mod api_key;
mod decode;
mod error_class;
mod json_fault;

pub use api_key::{ApiKey, GenerateError, MalformedKey};
pub use decode::{DecodeError, from_json};
pub use digest::{Digest, DigestHasher, MalformedDigest};
pub use error_class::{Classified, Classify, ErrorClass};
pub use tensor::{Datatype, Tensor, TensorBuffer, TensorData, TensorElement, TensorError};
