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
        }
    }

    /// Limits the inputs of a call.
    #[must_use]
    pub fn at_most(self, inputs: usize) -> Self {
        Self { most_inputs: Some(inputs), ..self }
    }
}
