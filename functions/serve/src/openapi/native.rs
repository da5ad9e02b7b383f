//! Descriptions of the native routes.

#![allow(clippy::unnecessary_wraps)] // some hosts omit other routes

use amaas_wire::predict::{ModelEntry, ModelList};
use amaas_wire::usage::{UsageBy, UsageReport};
use schemars::json_schema;
use serde_json::Value;

use super::builder::{DocumentBuilder, json, json_with_example};
use super::document::{ContentObject, MediaTypeObject, OperationObject};
use super::refusal::RefusalGroup::{self, Body, Input, Key, Model, Ready, Report, Run, Task, Version};
use amaas_model::schema::PredictSchema;

use super::{parts, tag};

pub(crate) fn predict(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let typed = PredictSchema::of::<Value, Value, Value>(&mut builder.schemas, None);
    let summary = "Predictions of a model, one for each input, in the form of its task.";
    Some(predict_typed(builder, "predict".to_owned(), summary.to_owned(), typed, &[Task]))
}

/// `predict` of a model whose task is known.
pub(super) fn predict_typed(
    builder: &mut DocumentBuilder,
    id: String,
    summary: String,
    mut typed: PredictSchema,
    refusals: &[RefusalGroup],
) -> OperationObject {
    let max_inputs = builder.limits().rows.min(typed.most_inputs.unwrap_or(usize::MAX));
    if let Some(inputs) = typed.request.pointer_mut("/properties/inputs").and_then(Value::as_object_mut) {
        inputs.extend([("minItems".to_owned(), 1.into()), ("maxItems".to_owned(), max_inputs.into())]);
    }
    let example = typed.example.take().and_then(|example| serde_json::from_str::<Value>(&example).ok());
    let mut operation = builder.operation(id, tag::MODELS, summary);
    operation.parameters.push(parts::version_query());
    let mut content = ContentObject::new();
    if !typed.file_types.is_empty() {
        let described = "The parameters of the task as JSON, if the body is a file.";
        operation.parameters.push(parts::query("parameters", described, json_schema!({ "type": "string" })));
        content = file_content(&typed, max_inputs);
    }
    content.extend(json_with_example(typed.request, example));
    builder.request_body(&mut operation, "The inputs.", true, content);
    let described = "The predictions, in the order of the inputs.";
    builder.response(&mut operation, 200, described, &parts::USAGE_HEADERS, json(typed.answer));
    let usual = [Key, Model, Version, Ready, Body, Input, Run];
    builder.errors(&mut operation, &[&usual, refusals].concat());
    operation
}

/// The content of bodies that are files: one file, or parts of `multipart/form-data`.
fn file_content(typed: &PredictSchema, max_inputs: usize) -> ContentObject {
    let mut content: ContentObject = typed.file_types.iter().map(|name| (*name, MediaTypeObject::default())).collect();
    let parameters = typed.request.get("properties").and_then(|properties| properties.get("parameters"));
    let form = json_schema!({
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "inputs": {
                "type": "array", "minItems": 1, "maxItems": max_inputs,
                "items": { "type": "string", "format": "binary" },
                "description": "A part for each file, with its media type.",
            },
            "parameters": parameters.cloned().unwrap_or_else(|| serde_json::json!({ "type": "object" })),
            "partial": { "type": "boolean", "default": false },
        },
    });
    content.insert(MULTIPART, MediaTypeObject { schema: Some(form), example: None });
    content
}

pub(crate) fn list(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let mut operation = builder.operation("models", tag::OPENAI, "The models that the key may use, in OpenAI's shape.");
    let content = builder.json::<ModelList>();
    builder.response(&mut operation, 200, "The models.", &[], content);
    builder.errors(&mut operation, &[Key]);
    Some(operation)
}

pub(crate) fn one(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let mut operation = builder.operation("model", tag::OPENAI, "One model, in OpenAI's shape.");
    let content = builder.json::<ModelEntry>();
    builder.response(&mut operation, 200, "The model.", &[], content);
    builder.errors(&mut operation, &[Key, Model]);
    Some(operation)
}

pub(crate) fn usage(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let summary = "What the caller's own calls were counted as.";
    let mut operation = builder.operation("usage", tag::MODELS, summary);
    let day = || json_schema!({ "type": "string", "format": "date" });
    let by = builder.schemas.read::<UsageBy>();
    operation.parameters.extend([
        parts::query("since", "The first day, in UTC; default: the first of the month of `until`.", day()),
        parts::query("until", "The last day, in UTC; default: today. At most 400 days.", day()),
        parts::query("by", "What rows are grouped by; default: the model.", by),
    ]);
    let content = builder.json::<UsageReport>();
    builder.response(&mut operation, 200, "The usage.", &[], content);
    builder.errors(&mut operation, &[Key, Report]);
    Some(operation)
}

pub(crate) fn document(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let summary = "This document: without a key the routes, with one also the models that it may use.";
    let mut operation = builder.operation("openapi", tag::DOCUMENT, summary);
    // The key is optional.
    operation.security =
        Some(std::iter::once(super::document::SecurityRequirement::new()).chain(parts::security()).collect());
    let content = json(json_schema!({ "type": "object", "required": ["openapi", "info", "paths"] }));
    builder.response(&mut operation, 200, "An OpenAPI 3.1 document.", &[], content);
    builder.errors(&mut operation, &[Key]);
    Some(operation)
}

const MULTIPART: &str = "multipart/form-data";
