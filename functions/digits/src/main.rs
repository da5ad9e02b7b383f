//! The digits function.

use std::process::ExitCode;

use amaas_digits::Digits;
use amaas_serve::task::{Rows, Tasks};

fn main() -> ExitCode {
    let tasks = Tasks::default().with::<Rows<Digits>>();
    #[cfg(feature = "local")]
    return amaas_local::main(tasks, &[amaas_digits::bundle]);
    #[cfg(not(feature = "local"))]
    amaas_serve::function(tasks)
}
