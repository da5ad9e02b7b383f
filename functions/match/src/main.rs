//! The matching function.

use std::process::ExitCode;

use amaas_match::Match;
use amaas_serve::task::Tasks;

fn main() -> ExitCode {
    amaas_serve::function(Tasks::default().with::<Match>())
}
