//! The switch of ONNX Runtime's telemetry, which has to be off before the library is loaded.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{allocator, heap};

/// Makes sure that `ORT_DISABLE_TELEMETRY=1` stands in the environment of this process. Call it first in `main`.
///
/// A process cannot change its own environment safely, so where the variable is missing the program is started again in
/// its own place (the process id stays), which takes about a millisecond. `infra/` and `.cargo/config.toml` set it, so
/// that it is there already in a Lambda function and under Cargo.
///
/// # Errors
/// When the program cannot be started again.
pub fn quiet() -> std::io::Result<()> {
    if is_quiet() {
        // It is called first in `main`, before there are threads.
        heap::settle();
        allocator::return_large_blocks();
        return Ok(());
    }
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    // `exec` comes back only with an error.
    Err(Command::new(std::env::current_exe()?).arg0(name).args(arguments).env(SWITCH, "1").exec())
}

pub(super) fn is_quiet() -> bool {
    std::env::var_os(SWITCH).as_deref() == Some(OsStr::new("1"))
}

const SWITCH: &str = "ORT_DISABLE_TELEMETRY";
