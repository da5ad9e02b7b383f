//! The generating function.

use std::process::ExitCode;

use amaas_generate::Generate;
use amaas_serve::task::{Tasks, TextGeneration};

fn main() -> ExitCode {
    amaas_serve::function(Tasks::default().with::<TextGeneration<Generate>>())
}
