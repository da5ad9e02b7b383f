//! Descriptions of the routes of the Open Inference Protocol and of Triton's extensions.

#![allow(clippy::unnecessary_wraps)] // some hosts omit other routes

use amaas_wire::oip::triton::{IndexEntry, IndexRequest, ModelConfig, StatisticsResponse};
use amaas_wire::oip::{
    HEADER_LENGTH, InferRequest, InferResponse, ModelMetadata, ReadyState, ServerLive, ServerMetadata,
};
use schemars::{JsonSchema, Schema};

use super::builder::{self, DocumentBuilder};
use super::document::{MediaTypeObject, OperationObject};
use super::refusal::RefusalGroup::{self, Body, Input, Key, Model, Repository, Run, Tensors, Version};
use super::{parts, tag};

pub(crate) fn server(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    public_route::<ServerMetadata>(builder, "server", "The server's name, version and extensions.", &[])
}

pub(crate) fn live(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    public_route::<ServerLive>(builder, "live", "Whether the process answers at all.", &[])
}

pub(crate) fn ready(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    readiness_route(builder, "ready", "Whether calls can be sent here: a model is ready, and none is on its way.", &[])
}

pub(crate) fn model_ready(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    readiness_route(builder, "model_ready", MODEL_READY, &[RefusalGroup::UnknownModel])
}

pub(crate) fn version_ready(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    readiness_route(builder, "version_ready", MODEL_READY, &[RefusalGroup::UnknownModel, Version])
}

pub(crate) fn metadata(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    model_route::<ModelMetadata>(builder, "metadata", METADATA, &[])
}

pub(crate) fn version_metadata(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    model_route::<ModelMetadata>(builder, "version_metadata", METADATA, &[Version])
}

pub(crate) fn config(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    model_route::<ModelConfig>(builder, "config", CONFIG, &[])
}

pub(crate) fn version_config(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    model_route::<ModelConfig>(builder, "version_config", CONFIG, &[Version])
}

pub(crate) fn stats(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    model_route::<StatisticsResponse>(builder, "stats", STATS, &[Tensors])
}

pub(crate) fn version_stats(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    model_route::<StatisticsResponse>(builder, "version_stats", STATS, &[Version, Tensors])
}

pub(crate) fn all_stats(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let summary = "What happened to each model that the key may use; of a model called `stats`, its metadata.";
    let mut operation = builder.operation("all_stats", tag::PROTOCOL, summary);
    let content = builder.json::<StatisticsResponse>();
    builder.response(&mut operation, 200, "The statistics.", &[], content);
    builder.errors(&mut operation, &[Key]);
    Some(operation)
}

pub(crate) fn index(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let mut operation = builder.operation("index", tag::PROTOCOL, "The models that the key may use, and their states.");
    let content = builder::json(builder.schemas.read::<IndexRequest>());
    builder.request_body(&mut operation, "The models to list; default: all.", false, content);
    let content = builder.json::<Vec<IndexEntry>>();
    builder.response(&mut operation, 200, "The models.", &[], content);
    builder.errors(&mut operation, &[Key, Body]);
    Some(operation)
}

pub(crate) fn load(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    refused_management(builder, "load")
}

pub(crate) fn unload(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    refused_management(builder, "unload")
}

pub(crate) fn infer(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let (request, answer) = (builder.schemas.read::<InferRequest>(), builder.schemas.written::<InferResponse>());
    Some(infer_typed(builder, "infer".to_owned(), INFER.to_owned(), request, answer, &[Tensors]))
}

pub(crate) fn version_infer(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let (request, answer) = (builder.schemas.read::<InferRequest>(), builder.schemas.written::<InferResponse>());
    Some(infer_typed(builder, "version_infer".to_owned(), INFER.to_owned(), request, answer, &[Tensors, Version]))
}

/// `infer` of a model whose tensors are known.
pub(super) fn infer_typed(
    builder: &mut DocumentBuilder,
    id: String,
    summary: String,
    request: Schema,
    answer: Schema,
    refusals: &[RefusalGroup],
) -> OperationObject {
    let mut operation = builder.operation(id, tag::PROTOCOL, summary);
    operation.description = format!(
        "Tensors are in the JSON, or after it as little-endian bytes, in the order of the JSON: then `{HEADER_LENGTH}` is the \
         length of the JSON in bytes. If it is 0, the body is the only input of the model, and the outputs are bytes."
    );
    operation.parameters.push(parts::parameter(HEADER_LENGTH));
    let mut content = builder::json(request);
    content.insert(BINARY, MediaTypeObject::default());
    builder.request_body(&mut operation, "The inputs.", true, content);
    let mut content = builder::json(answer);
    content.insert(BINARY, MediaTypeObject::default());
    let headers = [&parts::USAGE_HEADERS[..], &[HEADER_LENGTH]].concat();
    builder.response(&mut operation, 200, "The outputs, each in the form that was asked for.", &headers, content);
    let usual = [Key, Model, RefusalGroup::Ready, Body, Input, Run];
    builder.errors(&mut operation, &[&usual, refusals].concat());
    operation
}

/// A route without a key.
fn public_route<T: JsonSchema>(
    builder: &mut DocumentBuilder,
    id: &str,
    summary: &str,
    refusals: &[RefusalGroup],
) -> Option<OperationObject> {
    let mut operation = builder.operation(id, tag::PROTOCOL, summary);
    operation.security = Some(Vec::new());
    let content = builder.json::<T>();
    builder.response(&mut operation, 200, summary, &[], content);
    builder.errors(&mut operation, refusals);
    Some(operation)
}

/// A readiness route: the status is 200 or 503.
fn readiness_route(
    builder: &mut DocumentBuilder,
    id: &str,
    summary: &str,
    refusals: &[RefusalGroup],
) -> Option<OperationObject> {
    let mut operation = public_route::<ReadyState>(builder, id, summary, refusals)?;
    for (status, description) in [(200, "It is ready."), (503, "It is not ready, and why.")] {
        let content = builder.json::<ReadyState>();
        builder.response(&mut operation, status, description, &[], content);
    }
    Some(operation)
}

/// A route about a loaded model.
fn model_route<T: JsonSchema>(
    builder: &mut DocumentBuilder,
    id: &str,
    summary: &str,
    refusals: &[RefusalGroup],
) -> Option<OperationObject> {
    let mut operation = builder.operation(id, tag::PROTOCOL, summary);
    let content = builder.json::<T>();
    builder.response(&mut operation, 200, summary, &[], content);
    builder.errors(&mut operation, &[&[Key, Model, RefusalGroup::Ready], refusals].concat());
    Some(operation)
}

fn refused_management(builder: &mut DocumentBuilder, id: &str) -> Option<OperationObject> {
    let summary = "Always refused: models are published, and not loaded or unloaded by calls.";
    let mut operation = builder.operation(id, tag::PROTOCOL, summary);
    builder.errors(&mut operation, &[Key, Repository]);
    Some(operation)
}

/// The media type of JSON followed by bytes, and of bytes alone.
const BINARY: &str = "application/octet-stream";
const METADATA: &str = "The tensors that a model takes and gives.";
const CONFIG: &str = "A model's configuration in Triton's words.";
const STATS: &str = "What happened to a model since it was loaded in this process.";
const MODEL_READY: &str = "Whether a model is ready.";
const INFER: &str = "Tensors in, tensors out.";
