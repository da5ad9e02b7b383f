//! What the routes of the Open Inference Protocol, and Triton's beyond it, say of themselves.

#![allow(clippy::unnecessary_wraps)] // other routes are there for some hosts only

use amaas_wire::oip::triton::{IndexEntry, IndexRequest, ModelConfig, StatisticsResponse};
use amaas_wire::oip::{
    HEADER_LENGTH, InferRequest, InferResponse, ModelMetadata, ReadyState, ServerLive, ServerMetadata,
};
use schemars::{JsonSchema, Schema};

use super::document::{Media, Operation};
use super::refusal::Refusal::{self, Body, Input, Key, Model, Repository, Run, Tensors, Version};
use super::writer::{self, Writer};
use super::{parts, tag};

pub(crate) fn server(writer: &mut Writer) -> Option<Operation> {
    public::<ServerMetadata>(writer, "server", "The server's name, version and extensions.", &[])
}

pub(crate) fn live(writer: &mut Writer) -> Option<Operation> {
    public::<ServerLive>(writer, "live", "Whether the process answers at all.", &[])
}

pub(crate) fn ready(writer: &mut Writer) -> Option<Operation> {
    readiness(writer, "ready", "Whether calls can be sent here: a model is ready, and none is on its way.", &[])
}

pub(crate) fn model_ready(writer: &mut Writer) -> Option<Operation> {
    readiness(writer, "model_ready", MODEL_READY, &[Refusal::UnknownModel])
}

pub(crate) fn version_ready(writer: &mut Writer) -> Option<Operation> {
    readiness(writer, "version_ready", MODEL_READY, &[Refusal::UnknownModel, Version])
}

pub(crate) fn metadata(writer: &mut Writer) -> Option<Operation> {
    of_model::<ModelMetadata>(writer, "metadata", METADATA, &[])
}

pub(crate) fn version_metadata(writer: &mut Writer) -> Option<Operation> {
    of_model::<ModelMetadata>(writer, "version_metadata", METADATA, &[Version])
}

pub(crate) fn config(writer: &mut Writer) -> Option<Operation> {
    of_model::<ModelConfig>(writer, "config", CONFIG, &[])
}

pub(crate) fn version_config(writer: &mut Writer) -> Option<Operation> {
    of_model::<ModelConfig>(writer, "version_config", CONFIG, &[Version])
}

pub(crate) fn stats(writer: &mut Writer) -> Option<Operation> {
    of_model::<StatisticsResponse>(writer, "stats", STATS, &[Tensors])
}

pub(crate) fn version_stats(writer: &mut Writer) -> Option<Operation> {
    of_model::<StatisticsResponse>(writer, "version_stats", STATS, &[Version, Tensors])
}

pub(crate) fn all_stats(writer: &mut Writer) -> Option<Operation> {
    let summary = "What happened to each model that the key may use; of a model called `stats`, its metadata.";
    let mut operation = writer.operation("all_stats", tag::PROTOCOL, summary);
    let content = writer.json::<StatisticsResponse>();
    writer.gives(&mut operation, 200, "The statistics.", &[], content);
    writer.refuses(&mut operation, &[Key]);
    Some(operation)
}

pub(crate) fn index(writer: &mut Writer) -> Option<Operation> {
    let mut operation =
        writer.operation("index", tag::PROTOCOL, "The models that the key may use, and how far they are.");
    let content = writer::json(writer.schemas.read::<IndexRequest>());
    writer.takes(&mut operation, "Which models are wanted; all where it is empty.", false, content);
    let content = writer.json::<Vec<IndexEntry>>();
    writer.gives(&mut operation, 200, "The models.", &[], content);
    writer.refuses(&mut operation, &[Key, Body]);
    Some(operation)
}

pub(crate) fn load(writer: &mut Writer) -> Option<Operation> {
    managed(writer, "load")
}

pub(crate) fn unload(writer: &mut Writer) -> Option<Operation> {
    managed(writer, "unload")
}

pub(crate) fn infer(writer: &mut Writer) -> Option<Operation> {
    let (request, answer) = (writer.schemas.read::<InferRequest>(), writer.schemas.written::<InferResponse>());
    Some(infer_typed(writer, "infer".to_owned(), INFER.to_owned(), request, answer, &[Tensors]))
}

pub(crate) fn version_infer(writer: &mut Writer) -> Option<Operation> {
    let (request, answer) = (writer.schemas.read::<InferRequest>(), writer.schemas.written::<InferResponse>());
    Some(infer_typed(writer, "version_infer".to_owned(), INFER.to_owned(), request, answer, &[Tensors, Version]))
}

/// The same of a model whose tensors are known.
pub(super) fn infer_typed(
    writer: &mut Writer,
    id: String,
    summary: String,
    request: Schema,
    answer: Schema,
    refusals: &[Refusal],
) -> Operation {
    let mut operation = writer.operation(id, tag::PROTOCOL, summary);
    operation.description = format!(
        "Tensors stand in the JSON, or behind it as bytes, little-endian and in the order in which the JSON names them: then \
         `{HEADER_LENGTH}` says how many bytes the JSON has. Where it says 0 the body is the one input of the model, and the \
         outputs come as bytes."
    );
    operation.parameters.push(parts::parameter(HEADER_LENGTH));
    let mut content = writer::json(request);
    content.insert(BINARY, Media::default());
    writer.takes(&mut operation, "The inputs.", true, content);
    let mut content = writer::json(answer);
    content.insert(BINARY, Media::default());
    let headers = [&parts::COUNTED[..], &[HEADER_LENGTH]].concat();
    writer.gives(&mut operation, 200, "The outputs, each in the form that was asked for.", &headers, content);
    let usual = [Key, Model, Refusal::Ready, Body, Input, Run];
    writer.refuses(&mut operation, &[&usual, refusals].concat());
    operation
}

/// A route without a key.
fn public<T: JsonSchema>(writer: &mut Writer, id: &str, summary: &str, refusals: &[Refusal]) -> Option<Operation> {
    let mut operation = writer.operation(id, tag::PROTOCOL, summary);
    operation.security = Some(Vec::new());
    let content = writer.json::<T>();
    writer.gives(&mut operation, 200, summary, &[], content);
    writer.refuses(&mut operation, refusals);
    Some(operation)
}

/// A route whose status alone says whether something is ready.
fn readiness(writer: &mut Writer, id: &str, summary: &str, refusals: &[Refusal]) -> Option<Operation> {
    let mut operation = public::<ReadyState>(writer, id, summary, refusals)?;
    for (status, description) in [(200, "It is ready."), (503, "It is not ready, and why.")] {
        let content = writer.json::<ReadyState>();
        writer.gives(&mut operation, status, description, &[], content);
    }
    Some(operation)
}

/// What is known of a loaded model.
fn of_model<T: JsonSchema>(writer: &mut Writer, id: &str, summary: &str, refusals: &[Refusal]) -> Option<Operation> {
    let mut operation = writer.operation(id, tag::PROTOCOL, summary);
    let content = writer.json::<T>();
    writer.gives(&mut operation, 200, summary, &[], content);
    writer.refuses(&mut operation, &[&[Key, Model, Refusal::Ready], refusals].concat());
    Some(operation)
}

fn managed(writer: &mut Writer, id: &str) -> Option<Operation> {
    let summary = "Always refused: models are published, and not loaded or unloaded by calls.";
    let mut operation = writer.operation(id, tag::PROTOCOL, summary);
    writer.refuses(&mut operation, &[Key, Repository]);
    Some(operation)
}

/// The media type of JSON with bytes behind it, and of bytes alone.
const BINARY: &str = "application/octet-stream";
const METADATA: &str = "The tensors that a model takes and gives.";
const CONFIG: &str = "A model's configuration in Triton's words.";
const STATS: &str = "What happened to a model since it was loaded in this process.";
const MODEL_READY: &str = "Whether a model is ready.";
const INFER: &str = "Tensors in, tensors out.";
