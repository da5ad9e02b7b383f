//! The bodies of `predict` for a task, from the types of its inputs and predictions.

use amaas_wire::predict::{PredictRequest, PredictResponse};
use schemars::{JsonSchema, Schema};

use super::schemas::SchemaRegistry;

/// The schemas of a task's `predict` requests and responses.
pub struct PredictSchema {
    /// The schema of requests.
    pub request: Schema,
    /// The schema of responses.
    pub answer: Schema,
    /// The body of a call that the model answers, as JSON.
    pub example: Option<String>,
    /// The maximum number of inputs of a call, if the task has a limit of its own.
    pub most_inputs: Option<usize>,
    /// The media types of files that are inputs.
    pub file_types: Vec<&'static str>,
}

impl PredictSchema {
    /// The schemas for inputs `I`, parameters `Q` and predictions `P`.
    pub fn of<I: JsonSchema, Q: JsonSchema, P: JsonSchema>(
        schemas: &mut SchemaRegistry,
        example: Option<String>,
    ) -> Self {
        Self {
            request: schemas.read_inline::<PredictRequest<I, Q>>(),
            answer: schemas.written_inline::<PredictResponse<P>>(),
            example,
            most_inputs: None,
            file_types: Vec::new(),
        }
    }

    /// Limits the inputs of a call.
    #[must_use]
    pub fn at_most(self, inputs: usize) -> Self {
        Self { most_inputs: Some(inputs), ..self }
    }

    /// Takes the files that `is_taken` holds for, by their media type, as inputs.
    #[must_use]
    pub fn with_files(self, is_taken: impl Fn(&str) -> bool) -> Self {
        let file_types = FILE_TYPES.into_iter().filter(|media_type| is_taken(media_type)).collect();
        Self { file_types, ..self }
    }
}

/// The media types that a task may take as files, as documents list them.
const FILE_TYPES: [&str; 7] =
    ["image/jpeg", "image/png", "image/webp", "audio/flac", "audio/mpeg", "audio/ogg", "audio/wav"];
