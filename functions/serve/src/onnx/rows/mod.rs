//! Proves that the rows of a batch do not see one another: abstract interpretation of an ONNX graph that follows the batch dimension.

use std::fmt;

use super::{NetworkFiles, OnnxError};

/// Proves that each output row of a network depends on the same row of its inputs alone.
///
/// # Errors
/// [`OnnxError`] where the file cannot be read; the inner [`NotProven`] names the node that the proof fails at.
pub(crate) fn prove(files: &NetworkFiles) -> Result<Result<(), NotProven>, OnnxError> {
    super::read::read(&files.file)?;
    Ok(Err(NotProven { node: None, because: "the analysis is not there yet".to_owned() }))
}

/// Why rows of different calls may not share a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotProven {
    /// The node where rows meet, as its operator and its name or first output; `None` where no node is at fault.
    pub node: Option<String>,
    /// What it does to the rows.
    pub because: String,
}

impl fmt::Display for NotProven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(f, "{node}: {}", self.because),
            None => f.write_str(&self.because),
        }
    }
}
