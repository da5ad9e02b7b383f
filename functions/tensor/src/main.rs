//! The generic function: serves any ONNX file, without a task.

use std::process::ExitCode;

use amaas_serve::task::Tasks;

fn main() -> ExitCode {
    amaas_serve::function(Tasks::default())
}
