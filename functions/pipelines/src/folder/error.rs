//! Errors of an export folder.

use amaas_engine::TaskError;
use amaas_engine::onnx::{FolderFileError, OnnxError};

/// Why an export folder is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum FolderError {
    /// The folder cannot be read.
    #[error("{path}: {cause}")]
    Io { path: String, cause: String },
    /// The folder has no ONNX file.
    #[error("{path}: expected a file that ends in .onnx in the folder, or in its folder onnx, got none{}", advice.unwrap_or_default())]
    NoNetwork { path: String, advice: Option<&'static str> },
    /// It is not clear which network is meant.
    #[error("{path}: expected one network, got {}; publish one of these files", files.join(", "))]
    SeveralNetworks { path: String, files: Vec<String> },
    /// No network has the variant.
    #[error("{path}: expected a network of the variant {variant:?}; the variants are: {}", known.join(", "))]
    NoVariant { path: String, variant: String, known: Vec<String> },
    /// A network cannot be read.
    #[error("{file}: {error}")]
    Network { file: String, error: OnnxError },
    /// A file of the export cannot be read.
    #[error("{file}: {error}")]
    File { file: String, error: FolderFileError },
    /// A file of the export is malformed.
    #[error(transparent)]
    Config(#[from] TaskError),
    /// The file is larger than any that a pipeline reads.
    #[error("{file}: expected at most {expected} bytes, got {got}")]
    Large { file: String, expected: usize, got: usize },
    /// The export has a tokenizer that is not served.
    #[error(
        "tokenizer.json: expected it in the folder{}; AutoTokenizer.from_pretrained(…).save_pretrained(…) writes it",
        slow.map(|file| format!(", got {file} only")).unwrap_or_default()
    )]
    NoTokenizer { slow: Option<&'static str> },
    /// The export is of a kind that no pipeline serves.
    #[error("{evidence}: no pipeline serves {what}; {advice}")]
    NotServed { evidence: String, what: String, advice: &'static str },
    /// No such pipeline exists.
    #[error("there is no pipeline {name:?}{}; the pipelines are: {}", nearest.map(|name| format!(", did you mean {name:?}?")).unwrap_or_default(), known.join(", "))]
    UnknownPipeline { name: String, nearest: Option<&'static str>, known: Vec<&'static str> },
    /// The option has no effect on the pipeline.
    #[error("{option} has no effect on {pipeline}; it is for {}", allowed.join(", "))]
    Option { option: &'static str, pipeline: String, allowed: Vec<&'static str> },
}
