//! The ONNX Runtime library of this machine.

use std::path::PathBuf;

use amaas_engine::runtime::{self, LibraryError};

/// The library that `ORT_DYLIB_PATH` names, or the pinned one, which is fetched through pip if it is missing.
///
/// # Errors
/// What [`runtime::find_or_fetch`] says.
pub fn library() -> Result<PathBuf, LibraryError> {
    let configured = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    runtime::find_or_fetch(configured.as_deref(), |line| eprintln!("{line}"))
}
