//! Models: manifests, tasks, and the way from an export in an object store to a session that answers.

pub mod at_rest;
mod error;
pub mod load;
pub mod manifest;
mod pointer;
#[cfg(feature = "publish")]
pub mod publish;
pub mod schema;
pub mod task;
#[cfg(feature = "publish")]
mod time;

pub use self::error::{InputError, ModelError, PredictError};
pub use self::pointer::PointerError;
