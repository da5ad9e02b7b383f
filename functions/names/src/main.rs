//! The names function.

use std::process::ExitCode;

use amaas_names::Names;
use amaas_serve::task::Tasks;

fn main() -> ExitCode {
    amaas_serve::function(Tasks::default().with::<Names>())
}
