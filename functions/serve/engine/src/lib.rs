//! ONNX networks: what a file declares, sessions of ONNX Runtime, batched runs, and continuous batching of generated text.
//!
//! The only crate that depends on `ort`. It handles tensors and networks, but no HTTP, tenants or storage.

mod batching;
mod config;
pub mod cpu;
mod error;
pub mod generate;
pub mod infer;
pub mod onnx;
pub mod pages;
mod provider;
pub mod runtime;
pub mod session;
mod split_mix;
mod tensor_spec;

pub use self::batching::{Batching, ROWS_PROOF, RunSharing};
pub use self::config::{PrepackMode, RuntimeConfig};
pub use self::error::{InvalidInput, RunError, TaskError};
pub use self::provider::ExecutionProvider;
pub use self::tensor_spec::{Dim, TensorSpec};
