//! Export folders, as exporters write them: which of its networks is published, which pipeline serves it, and which files
//! that pipeline reads.
//!
//! Invariant: only files that a pipeline reads are published. A file of the folder with another name stays on the
//! publisher's machine.

mod assets;
mod error;
mod export;
mod inference;
mod network_file;
mod networks;
mod options;
mod pipeline_kind;

pub use self::error::FolderError;
pub use self::export::Export;
pub use self::inference::InferredPipeline;
pub use self::networks::{ExportNetwork, ExportNetworks};
pub use self::options::ExportOptions;
pub use self::pipeline_kind::is_pipeline;
