//! The names function.

use std::process::ExitCode;

use amaas_names::Names;
use amaas_serve::task::{Rows, Tasks};

fn main() -> ExitCode {
    let tasks = Tasks::default().with::<Rows<Names>>();
    #[cfg(feature = "local")]
    return amaas_local::main(tasks, &[amaas_names::bundle]);
    #[cfg(not(feature = "local"))]
    amaas_serve::function(tasks)
}
