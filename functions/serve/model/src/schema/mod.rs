//! JSON Schemas of the inputs and predictions of tasks, for the `OpenAPI` document.

mod plain_text;
mod predict_schema;
mod schemas;

pub use self::predict_schema::PredictSchema;
pub use self::schemas::SchemaRegistry;
