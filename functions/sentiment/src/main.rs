//! The sentiment function.

use std::process::ExitCode;

use amaas_sentiment::Sentiment;
use amaas_serve::task::{Rows, Tasks};

fn main() -> ExitCode {
    let tasks = Tasks::default().with::<Rows<Sentiment>>();
    #[cfg(feature = "local")]
    return amaas_local::main(tasks, &[amaas_sentiment::bundle]);
    #[cfg(not(feature = "local"))]
    amaas_serve::function(tasks)
}
