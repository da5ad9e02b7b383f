//! Models: manifests, tasks, publishing to an object store, and loading from it.

mod alias_pointer;
pub mod at_rest;
mod error;
pub mod load;
pub mod manifest;
#[cfg(feature = "publish")]
pub mod publish;
pub mod schema;
pub mod task;
#[cfg(feature = "publish")]
mod time;

pub use self::alias_pointer::PointerError;
pub use self::error::{InputError, ModelError, PredictError};
