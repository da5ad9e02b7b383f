//! The embedding function.

use std::process::ExitCode;

use amaas_embed::Embed;
use amaas_serve::task::{Tasks, TextEmbedding};

fn main() -> ExitCode {
    amaas_serve::function(Tasks::default().with::<TextEmbedding<Embed>>())
}
