//! ONNX files: what has to be checked before ONNX Runtime reads them, their inputs and outputs, and their external
//! data.
//!
//! ONNX Runtime gets external data from memory, but only for initializers of the main graph. So external tensors of
//! subgraphs, attributes and functions are moved into the ONNX file when it is read. ONNX Runtime also trusts the file
//! too much: it would use the bytes of an external string tensor as pointers. [`check`] refuses such files.
//!
//! Invariant: no session is created from files that [`check`] has not passed.

mod adapt;
mod check;
mod class_labels;
mod describe;
mod element_type;
mod error;
mod external;
mod external_path;
mod files;
mod locale;
mod model_folder;
mod proto;
mod random;
mod read;
pub mod rows;
mod sniff;
mod summary;
#[cfg(test)]
mod tests;
mod value_dependent_cost;
mod zip_map;

pub use self::adapt::adapt;
pub use self::check::{CheckedNetwork, check};
pub use self::class_labels::{CLASS_LABELS, PROBABILITIES};
pub use self::describe::{DescribedTensor, NetworkDescription};
pub use self::describe::{describe, metadata};
pub use self::error::OnnxError;
pub use self::files::NetworkFiles;
pub use self::files::zeroed;
pub use self::model_folder::{FolderFileError, ModelFolder};
pub use self::rows::NotProven;
pub use self::summary::{NetworkSummary, summarize};
