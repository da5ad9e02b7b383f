//! The folder of the export.

use std::path::PathBuf;

use crate::workload::beside_the_build;

/// The export of `MiniLM` that `tests/bench/exports/minilm.py` writes.
///
/// # Errors
/// What to run, if it is missing.
pub(crate) fn export() -> Result<PathBuf, String> {
    let exports = beside_the_build("bench-exports");
    let folder = exports.join("minilm");
    if folder.join(ONNX_FILE).is_file() {
        return Ok(folder);
    }
    Err(format!(
        "there is no {}; python3 tests/bench/exports/minilm.py {} writes it",
        folder.display(),
        exports.display()
    ))
}

/// The network in the folder.
pub(crate) const ONNX_FILE: &str = "model.onnx";
