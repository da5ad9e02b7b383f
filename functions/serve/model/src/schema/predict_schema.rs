//! The bodies of `predict` for a task, from the types of its inputs and predictions.

use amaas_wire::predict::{PredictRequest, PredictResponse};
use schemars::{JsonSchema, Schema};

use super::schemas::SchemaRegistry;

/// What a task takes and answers.
pub struct PredictSchema {
    /// The schema of requests.
    pub request: Schema,
    /// The schema of responses.
    pub answer: Schema,
    /// One input, as JSON.
    pub example: &'static str,
    /// The most inputs of a call, where the task has a bound of its own.
    pub most_inputs: Option<usize>,
}

impl PredictSchema {
    /// Of a task with inputs `I` and predictions `P`.
    pub fn of<I: JsonSchema, P: JsonSchema>(schemas: &mut SchemaRegistry, example: &'static str) -> Self {
        Self {
            request: schemas.read_inline::<PredictRequest<I>>(),
            answer: schemas.written_inline::<PredictResponse<P>>(),
            example,
            most_inputs: None,
        }
    }

    /// The same, of which a call has at most so many inputs.
    #[must_use]
    pub fn at_most(self, inputs: usize) -> Self {
        Self { most_inputs: Some(inputs), ..self }
    }
}
