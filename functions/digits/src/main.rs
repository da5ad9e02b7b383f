//! The digits function.

use std::process::ExitCode;

use amaas_digits::Digits;
use amaas_serve::task::Tasks;

fn main() -> ExitCode {
    amaas_serve::function(Tasks::default().with::<Digits>())
}
