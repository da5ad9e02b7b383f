//! The one ONNX Runtime environment of the process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::logging::LogLevel;

use super::{telemetry, version};

/// The environment, created on the first call from the library at `library`.
///
/// Creation takes some 20 ms, so the loader does it on its own thread during the download of a model. A process can
/// have only one environment, so other users of ONNX Runtime take it from here.
///
/// # Errors
/// [`RuntimeError`] says why ONNX Runtime did not start.
pub fn environment(library: &Path) -> Result<ort::environment::Environment, RuntimeError> {
    static ENVIRONMENT: Mutex<Option<ort::environment::Environment>> = Mutex::new(None);
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*environment {
        return Ok(environment.clone());
    }
    if !telemetry::is_disabled() {
        return Err(RuntimeError::Telemetry);
    }
    let built = ort::init_from(library)
        .map_err(|error| RuntimeError::Library { path: library.to_owned(), cause: error.to_string() })?
        .with_name("amaas")
        .with_telemetry(false)
        .build()
        .map_err(|error| RuntimeError::Environment(error.to_string()))?;
    // As in each session: a run returns its errors, and a log line would contain the client's values, such as the size
    // of a too large tensor.
    built.set_log_level(LogLevel::Fatal);
    version::record_loaded(library);
    Ok(environment.insert(built).clone())
}

/// Why ONNX Runtime did not start.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum RuntimeError {
    /// Telemetry is not disabled.
    #[error(
        "ORT_DISABLE_TELEMETRY=1 is not set; call amaas_engine::runtime::disable_telemetry_or_reexec() first in main"
    )]
    Telemetry,
    /// The library could not be loaded.
    #[error("ONNX Runtime could not be loaded from {path:?}: {cause}")]
    Library { path: PathBuf, cause: String },
    /// The library was loaded, but did not start.
    #[error("ONNX Runtime did not start: {0}")]
    Environment(String),
}
