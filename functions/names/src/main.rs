//! The names function.

use std::process::ExitCode;

use amaas_names::Names;
use amaas_serve::task::Tasks;

fn main() -> ExitCode {
    let tasks = Tasks::default().with::<Names>();
    #[cfg(feature = "local")]
    return amaas_local::main(tasks, &[amaas_names::bundle]);
    #[cfg(not(feature = "local"))]
    amaas_serve::function(tasks)
}
