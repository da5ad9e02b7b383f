//! The digits function.

use std::process::ExitCode;

use amaas_digits::Digits;
use amaas_serve::task::{Rows, Tasks};

fn main() -> ExitCode {
    amaas_serve::function(Tasks::default().with::<Rows<Digits>>())
}
