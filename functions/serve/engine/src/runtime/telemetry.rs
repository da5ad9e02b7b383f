//! Disables ONNX Runtime's telemetry, before the library is loaded.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{allocator, heap};

/// Ensures that `ORT_DISABLE_TELEMETRY=1` is in the environment of this process. Call it first in `main`.
///
/// A process cannot change its own environment safely. So if the variable is missing, the process executes its program
/// again (the process id stays), which takes about a millisecond. `infra/` and `.cargo/config.toml` set the variable,
/// so this is not needed in a Lambda function or under Cargo.
///
/// # Errors
/// If the program cannot be executed again.
pub fn disable_telemetry_or_reexec() -> std::io::Result<()> {
    if is_disabled() {
        // `main` calls this first, so there are no other threads yet.
        heap::limit_arenas();
        allocator::return_large_blocks();
        return Ok(());
    }
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    // `exec` returns only if it fails.
    Err(Command::new(std::env::current_exe()?).arg0(name).args(arguments).env(TELEMETRY_SWITCH, "1").exec())
}

pub(super) fn is_disabled() -> bool {
    std::env::var_os(TELEMETRY_SWITCH).as_deref() == Some(OsStr::new("1"))
}

const TELEMETRY_SWITCH: &str = "ORT_DISABLE_TELEMETRY";
