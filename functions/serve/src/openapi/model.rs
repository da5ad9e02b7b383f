//! Descriptions of the routes of one model, with its inputs and outputs.

use http::Method;

use super::builder::DocumentBuilder;
use super::document::OperationObject;
use super::refusal::RefusalGroup;
use super::{native, protocol, tensors};
use amaas_model::load::Model;

/// Calls `add` for each route of `model` whose schema depends on the model.
pub(super) fn describe(model: &Model, builder: &mut DocumentBuilder, mut add: impl FnMut(&str, OperationObject)) {
    let name = model.name().as_str();
    if let Some(task) = &model.task {
        let path = format!("/v1/models/{name}/predict");
        builder.begin_route(&Method::POST, &path);
        let mut typed = task.predict_schema(&mut builder.schemas);
        if let Some(calls) = model.networks().own().max_queued_calls() {
            typed = typed.at_most(calls);
        }
        let summary = format!("Predictions of `{name}`, one for each input.");
        add(&path, native::predict_typed(builder, format!("predict_{name}"), summary, typed, &[RefusalGroup::Url]));
    }
    if model.check_tensors().is_ok() {
        let path = format!("/v2/models/{name}/infer");
        builder.begin_route(&Method::POST, &path);
        let request = tensors::request_schema(&mut builder.schemas, &model.manifest);
        let answer = tensors::response_schema(&mut builder.schemas, &model.manifest);
        let summary = format!("The tensors of `{name}` in, and out.");
        add(&path, protocol::infer_typed(builder, format!("infer_{name}"), summary, request, answer, &[]));
    }
}
