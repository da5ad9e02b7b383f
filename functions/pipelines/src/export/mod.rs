//! The files of an export: what its JSON files say.

mod config_file;
mod labels;

pub use self::config_file::ConfigFile;
pub use self::labels::ClassLabels;
