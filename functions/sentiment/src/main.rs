//! The sentiment function.

use std::process::ExitCode;

use amaas_sentiment::Sentiment;
use amaas_serve::task::{Rows, Tasks};

fn main() -> ExitCode {
    amaas_serve::function(Tasks::default().with::<Rows<Sentiment>>())
}
