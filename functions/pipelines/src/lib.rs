//! Pipelines: tasks that an export's own files configure. Their names, inputs, parameters and outputs are Hugging Face's.

#[cfg(feature = "audio")]
pub mod audio;
pub mod export;
#[cfg(feature = "publish")]
pub mod folder;
#[cfg(feature = "text")]
mod labels_template;
#[cfg(any(feature = "audio", feature = "text", feature = "vision"))]
mod parameters;
mod registry;
#[cfg(any(feature = "audio", feature = "text", feature = "vision"))]
mod scores;
#[cfg(feature = "tabular")]
pub mod tabular;
#[cfg(feature = "text")]
pub mod text;
#[cfg(feature = "vision")]
pub mod vision;

pub use self::registry::with_pipelines;
