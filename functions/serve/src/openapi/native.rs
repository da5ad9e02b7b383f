//! What the native routes say of themselves.

#![allow(clippy::unnecessary_wraps)] // other routes are there for some hosts only

use amaas_wire::predict::{ModelEntry, ModelList};
use amaas_wire::usage::{UsageBy, UsageReport};
use schemars::json_schema;
use serde_json::Value;

use super::document::Operation;
use super::refusal::Refusal::{self, Body, Days, Input, Key, Model, Ready, Run, Task, Version};
use super::writer::{Writer, json, json_like};
use amaas_model::schema::PredictSchema;

use super::{parts, tag};

pub(crate) fn predict(writer: &mut Writer) -> Option<Operation> {
    let typed = PredictSchema::of::<Value, Value>(&mut writer.schemas, "");
    let summary = "Predictions of a model, one for each input, in the form of its task.";
    Some(predict_typed(writer, "predict".to_owned(), summary.to_owned(), typed, &[Task]))
}

/// The same of a model whose task is known.
pub(super) fn predict_typed(
    writer: &mut Writer,
    id: String,
    summary: String,
    mut typed: PredictSchema,
    refusals: &[Refusal],
) -> Operation {
    let most = writer.limits().rows.min(typed.most_inputs.unwrap_or(usize::MAX));
    if let Some(inputs) = typed.request.pointer_mut("/properties/inputs").and_then(Value::as_object_mut) {
        inputs.extend([("minItems".to_owned(), 1.into()), ("maxItems".to_owned(), most.into())]);
    }
    let example = serde_json::from_str::<Value>(typed.example).ok();
    let content = json_like(typed.request, example.map(|example| serde_json::json!({ "inputs": [example] })));
    let mut operation = writer.operation(id, tag::MODELS, summary);
    operation.parameters.push(parts::version_query());
    writer.takes(&mut operation, "The inputs.", true, content);
    let described = "The predictions, in the order of the inputs.";
    writer.gives(&mut operation, 200, described, &parts::COUNTED, json(typed.answer));
    let usual = [Key, Model, Version, Ready, Body, Input, Run];
    writer.refuses(&mut operation, &[&usual, refusals].concat());
    operation
}

pub(crate) fn list(writer: &mut Writer) -> Option<Operation> {
    let mut operation = writer.operation("models", tag::OPENAI, "The models that the key may use, in OpenAI's shape.");
    let content = writer.json::<ModelList>();
    writer.gives(&mut operation, 200, "The models.", &[], content);
    writer.refuses(&mut operation, &[Key]);
    Some(operation)
}

pub(crate) fn one(writer: &mut Writer) -> Option<Operation> {
    let mut operation = writer.operation("model", tag::OPENAI, "One model, in OpenAI's shape.");
    let content = writer.json::<ModelEntry>();
    writer.gives(&mut operation, 200, "The model.", &[], content);
    writer.refuses(&mut operation, &[Key, Model]);
    Some(operation)
}

pub(crate) fn usage(writer: &mut Writer) -> Option<Operation> {
    let summary = "What the caller's own calls were counted as.";
    let mut operation = writer.operation("usage", tag::MODELS, summary);
    let day = || json_schema!({ "type": "string", "format": "date" });
    let by = writer.schemas.read::<UsageBy>();
    operation.parameters.extend([
        parts::query("since", "The first day, in UTC; the first of the month of `until` where it is left out.", day()),
        parts::query("until", "The last day, in UTC; today where it is left out. At most 400 days.", day()),
        parts::query("by", "What rows are told apart by: the model where it is left out.", by),
    ]);
    let content = writer.json::<UsageReport>();
    writer.gives(&mut operation, 200, "The usage.", &[], content);
    writer.refuses(&mut operation, &[Key, Days]);
    Some(operation)
}

pub(crate) fn document(writer: &mut Writer) -> Option<Operation> {
    let summary = "This document: without a key the routes, with one also the models that it may use.";
    let mut operation = writer.operation("openapi", tag::DOCUMENT, summary);
    // A key may be sent and need not.
    operation.security = Some(std::iter::once(super::document::Requirement::new()).chain(parts::security()).collect());
    let content = json(json_schema!({ "type": "object", "required": ["openapi", "info", "paths"] }));
    writer.gives(&mut operation, 200, "An OpenAPI 3.1 document.", &[], content);
    writer.refuses(&mut operation, &[Key]);
    Some(operation)
}
