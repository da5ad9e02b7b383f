//! The function that serves a model with a pipeline.

use std::process::ExitCode;

use amaas_model::task::Tasks;
use amaas_pipelines::with_pipelines;

fn main() -> ExitCode {
    amaas_serve::function(with_pipelines(Tasks::default()))
}
