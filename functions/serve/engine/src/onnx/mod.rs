//! ONNX files, as far as they have to be understood before ONNX Runtime may see them: what they take and give, and which of their
//! tensors lie in files beside them.
//!
//! ONNX Runtime is given those files from memory. It takes them for initializers of the main graph only, so what subgraphs,
//! attributes and functions name is moved into the ONNX file when that is read from disk. It also believes what the file says of
//! them in places where it should not, such as a tensor of texts, whose bytes it would take for pointers; hence [`check`].
//!
//! Invariant: no session is made of files that [`check`] did not pass.

mod check;
mod describe;
mod elastic;
mod element;
mod error;
mod external;
mod files;
mod folder;
mod location;
mod proto;
mod random;
mod read;
pub mod rows;
mod sniff;
#[cfg(test)]
mod tests;

pub use self::check::{Checked, check};
pub use self::describe::{DescribedTensor, Description};
pub use self::describe::{describe, metadata};
pub use self::error::OnnxError;
pub use self::files::NetworkFiles;
pub use self::files::zeroed;
pub use self::rows::NotProven;
