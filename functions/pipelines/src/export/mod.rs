//! The files of an export: what its JSON files say.

mod config_file;
mod labels;
mod settings;

pub use self::config_file::ConfigFile;
pub use self::labels::ClassLabels;
pub use self::settings::{PipelineSettings, Pooling};
