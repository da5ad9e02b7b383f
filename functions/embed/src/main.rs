//! The embedding function.

use std::process::ExitCode;

use amaas_embed::Embed;
use amaas_serve::task::{Tasks, TextEmbedding};

fn main() -> ExitCode {
    let tasks = Tasks::default().with::<TextEmbedding<Embed>>();
    #[cfg(feature = "local")]
    return amaas_local::main(tasks, &[amaas_embed::bundle]);
    #[cfg(not(feature = "local"))]
    amaas_serve::function(tasks)
}
