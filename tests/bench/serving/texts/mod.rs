//! The workload of the pipeline `feature-extraction`: an export of MiniLM, texts of mixed lengths, and the servers that embed them.

mod contestants;
mod export;
mod sequence;
mod vector;

pub(crate) use self::contestants::{contestants, function, path};
pub(crate) use self::export::{ONNX_FILE, export};
pub(crate) use self::sequence::{Random, call, text, texts};
pub(crate) use self::vector::{cosine, first_vector};

/// The model's name in the store and in paths.
pub(crate) const MODEL: &str = "minilm-texts";
