//! The digits function.

use std::process::ExitCode;

use amaas_digits::Digits;
use amaas_serve::task::Tasks;

fn main() -> ExitCode {
    let tasks = Tasks::default().with::<Digits>();
    #[cfg(feature = "local")]
    return amaas_local::main(tasks, &[amaas_digits::bundle]);
    #[cfg(not(feature = "local"))]
    amaas_serve::function(tasks)
}
