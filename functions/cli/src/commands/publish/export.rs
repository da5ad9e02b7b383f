//! The export that `amaas publish` and `amaas inspect` read.

use std::path::Path;

use amaas_model::publish::{OnnxError, PublishError};
use amaas_pipelines::export::PipelineSettings;
use amaas_pipelines::folder::{Export, ExportOptions, FolderError, InferredPipeline, is_pipeline};

use crate::arguments::PipelineArguments;
use crate::error::CliError;

/// Reads the export at `path`. If `task` is not a pipeline, the model is published as its arguments say, without the files of its folder.
pub(crate) fn read(path: &Path, arguments: &PipelineArguments, task: Option<&str>) -> Result<Export, CliError> {
    let mut options = options(arguments)?;
    if let Some(task) = task {
        let pipeline = if is_pipeline(task) { task } else { ExportOptions::TENSORS };
        options.pipeline = Some(pipeline.to_owned());
    }
    Export::read(path, &options).map_err(|error| folder_error(path, error))
}

/// The choices in `arguments`.
pub(crate) fn options(arguments: &PipelineArguments) -> Result<ExportOptions, CliError> {
    let labels = match &arguments.label_file {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| CliError::file(path, &error))?;
            Some(ExportOptions::parse_labels(&path.display().to_string(), &text).map_err(CliError::usage)?)
        }
        None => None,
    };
    let PipelineArguments { pipeline, variant, pooling, normalize, max_length, .. } = arguments;
    let settings = PipelineSettings { pooling: *pooling, normalize: *normalize, max_length: *max_length, labels };
    Ok(ExportOptions { pipeline: pipeline.clone(), variant: variant.clone(), settings })
}

/// An error of the export at `path`.
pub(crate) fn folder_error(path: &Path, error: FolderError) -> CliError {
    match error {
        FolderError::Network { error: OnnxError::Io(cause), file } => CliError::file(Path::new(&file), &cause),
        FolderError::Network { .. } => CliError::new(error),
        FolderError::Config(error) => CliError::usage(format_args!("{}: {error}", path.display())),
        error => CliError::usage(error),
    }
}

/// The error of publishing a model whose pipeline is `pipeline`.
pub(super) fn refused(error: PublishError, pipeline: &InferredPipeline) -> CliError {
    let refused_by = match (&error, pipeline.name()) {
        (PublishError::Task(_), Some(name)) => format!("{name} ({})", pipeline.evidence()),
        _ => return error.into(),
    };
    CliError::from(error).hint(format!(
        "the pipeline is {refused_by}; --pipeline NAME chooses another one, and `--pipeline {}` publishes the network \
         without one",
        ExportOptions::TENSORS
    ))
}
