//! The matching function.

use std::process::ExitCode;

use amaas_match::Match;
use amaas_serve::task::Tasks;

fn main() -> ExitCode {
    let tasks = Tasks::default().with::<Match>();
    #[cfg(feature = "local")]
    return amaas_local::main(tasks, &[amaas_match::bundle]);
    #[cfg(not(feature = "local"))]
    amaas_serve::function(tasks)
}
