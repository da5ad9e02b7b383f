//! The files of an export: what its JSON files say.

mod config_file;
mod labels;
mod logits_output;
mod sentence_transformers;
mod settings;

pub use self::config_file::ConfigFile;
pub use self::labels::ClassLabels;
pub use self::logits_output::LogitsOutput;
pub use self::sentence_transformers::SentenceModules;
pub use self::settings::{PipelineSettings, Pooling};
