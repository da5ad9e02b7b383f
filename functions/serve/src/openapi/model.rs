//! The routes of one model, with what it takes and gives.

use http::Method;

use super::builder::DocumentBuilder;
use super::document::OperationObject;
use super::refusal::RefusalGroup;
use super::{native, protocol, tensors};
use amaas_model::load::Model;

/// Has `add` take each route of `model` that takes more of it than its name.
pub(super) fn describe(model: &Model, builder: &mut DocumentBuilder, mut add: impl FnMut(&str, OperationObject)) {
    let name = model.name().as_str();
    if let Some(task) = &model.task {
        let path = format!("/v1/models/{name}/predict");
        builder.at(&Method::POST, &path);
        let mut typed = task.predict_schema(&mut builder.schemas);
        if let Some(generate) = model.networks().own().generate() {
            typed = typed.at_most(generate.max_queued_calls());
        }
        let summary = format!("Predictions of `{name}`, one for each input.");
        add(&path, native::predict_typed(builder, format!("predict_{name}"), summary, typed, &[RefusalGroup::Url]));
    }
    if model.infer().is_ok() {
        let path = format!("/v2/models/{name}/infer");
        builder.at(&Method::POST, &path);
        let request = tensors::request(&mut builder.schemas, &model.manifest);
        let answer = tensors::answer(&mut builder.schemas, &model.manifest);
        let summary = format!("The tensors of `{name}` in, and out.");
        add(&path, protocol::infer_typed(builder, format!("infer_{name}"), summary, request, answer, &[]));
    }
}
