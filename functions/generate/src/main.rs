//! The text generation function.

use std::process::ExitCode;

use amaas_generate::Generate;
use amaas_serve::task::{Tasks, TextGeneration};

fn main() -> ExitCode {
    let tasks = Tasks::default().with::<TextGeneration<Generate>>();
    #[cfg(feature = "local")]
    return amaas_local::main(tasks, &[amaas_generate::bundle]);
    #[cfg(not(feature = "local"))]
    amaas_serve::function(tasks)
}
