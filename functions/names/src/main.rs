//! The names function.

use std::process::ExitCode;

use amaas_names::Names;
use amaas_serve::task::{Rows, Tasks};

fn main() -> ExitCode {
    amaas_serve::function(Tasks::default().with::<Rows<Names>>())
}
