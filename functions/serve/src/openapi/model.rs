//! The routes of one model, with what it takes and gives.

use http::Method;

use super::document::Operation;
use super::refusal::Refusal;
use super::writer::Writer;
use super::{native, protocol, tensors};
use amaas_model::load::Model;

/// Has `add` take each route of `model` that takes more of it than its name.
pub(super) fn describe(model: &Model, writer: &mut Writer, mut add: impl FnMut(&str, Operation)) {
    let name = model.name().as_str();
    if let Some(task) = &model.task {
        let path = format!("/v1/models/{name}/predict");
        writer.at(&Method::POST, &path);
        let mut typed = task.predict_schema(&mut writer.schemas);
        if let Some(generate) = model.networks().own().generate() {
            typed = typed.at_most(generate.places());
        }
        let summary = format!("Predictions of `{name}`, one for each input.");
        add(&path, native::predict_typed(writer, format!("predict_{name}"), summary, typed, &[Refusal::Url]));
    }
    if model.infer().is_ok() {
        let path = format!("/v2/models/{name}/infer");
        writer.at(&Method::POST, &path);
        let request = tensors::request(&mut writer.schemas, &model.manifest);
        let answer = tensors::answer(&mut writer.schemas, &model.manifest);
        let summary = format!("The tensors of `{name}` in, and out.");
        add(&path, protocol::infer_typed(writer, format!("infer_{name}"), summary, request, answer, &[]));
    }
}
