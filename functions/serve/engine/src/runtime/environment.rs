//! The one ONNX Runtime environment of the process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::logging::LogLevel;

use super::{quiet, version};

/// The environment, made on the first call with the library at `library`.
///
/// It takes some 20 ms, so the loader calls it on a thread of its own while the first bytes of a model travel. A process can have only one, so
/// whoever uses ONNX Runtime beside this crate takes it from here.
///
/// # Errors
/// [`RuntimeError`] says why ONNX Runtime did not start.
pub fn environment(library: &Path) -> Result<ort::environment::Environment, RuntimeError> {
    static ENVIRONMENT: Mutex<Option<ort::environment::Environment>> = Mutex::new(None);
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*environment {
        return Ok(environment.clone());
    }
    if !quiet::is_quiet() {
        return Err(RuntimeError::Telemetry);
    }
    let built = ort::init_from(library)
        .map_err(|error| RuntimeError::Library { path: library.to_owned(), cause: error.to_string() })?
        .with_name("amaas")
        .with_telemetry(false)
        .build()
        .map_err(|error| RuntimeError::Environment(error.to_string()))?;
    // As in each session: what is wrong with a run comes back from it, and what would be written of it has values of the caller in it, such
    // as the size of a tensor that is too large.
    built.set_log_level(LogLevel::Fatal);
    version::learn(library);
    Ok(environment.insert(built).clone())
}

/// Why ONNX Runtime could not be started.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum RuntimeError {
    /// The switch of its telemetry is not set.
    #[error("ORT_DISABLE_TELEMETRY=1 is not set; call amaas_engine::runtime::quiet() first in main")]
    Telemetry,
    /// The library could not be loaded.
    #[error("ONNX Runtime could not be loaded from {path:?}: {cause}")]
    Library { path: PathBuf, cause: String },
    /// The library was loaded, but did not start.
    #[error("ONNX Runtime did not start: {0}")]
    Environment(String),
}
