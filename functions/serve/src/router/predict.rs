//! `POST /v1/models/{model}/predict`.

use std::sync::Arc;
use std::time::Instant;

use amaas_wire::Tensor;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use http::Response;
use serde::Deserialize;

use super::matching::matched;
use super::{Host, completions};
use crate::config::Limits;
use crate::error::Error;
use crate::infer::Infer;
use crate::load::Model;
use crate::reply::{Counted, predict_response};
use crate::request::{Caller, Takes, Valid, read};
use crate::task::{json_size, off_runtime, off_runtime_beyond};

#[derive(Deserialize)]
pub(super) struct Parameters {
    version: Option<String>,
}

pub(super) async fn predict(
    State(host): State<Host>,
    caller: Caller,
    Path(name): Path<String>,
    Query(parameters): Query<Parameters>,
    request: Request,
) -> Result<Response<Body>, Error> {
    let slot = host.slot(&name)?;
    caller.scope(slot.name())?;
    caller.admitted(&host)?;
    Host::room(&slot)?;
    let (parts, body) = request.into_parts();
    let body = read(&parts.headers, body, host.limits().body_bytes).await?;
    let model = host.model(&slot, parameters.version.as_deref()).await?;
    let begun = Instant::now();
    let task = model.task.clone().ok_or(Error::NoTask { model: name })?;
    if let Some(matcher) = Arc::clone(&task).matcher() {
        return matched(model, matcher, body, host.limits(), begun).await;
    }
    if let Ok(generate) = model.generate() {
        return completions::predict(&model, generate, body, host.limits().rows, begun).await;
    }
    let (limit, batching, size) = (host.limits().rows, model.manifest.batching, body.len());
    let encoded = off_runtime_beyond(task.quick(), size, move || task.encode(&body, limit, batching)).await?;
    let (outputs, rows) = run(&model, encoded.runs, host.limits()).await?;
    let (size, decode, tokens) = (outputs.iter().map(|run| json_size(run)).sum(), encoded.decode, encoded.tokens);
    let answer = move || predict_response(&model, decode(&outputs)?, Counted { rows, tokens, begun });
    off_runtime(size, answer).await
}

/// Runs what a task made, one run after the other, so that other calls get their turn in between; also how many rows it was.
pub(super) async fn run(
    model: &Model,
    runs: Vec<Vec<Tensor>>,
    limits: Limits,
) -> Result<(Vec<Vec<Tensor>>, usize), Error> {
    run_on(model.infer()?, (&model.manifest).into(), runs, limits).await
}

/// The same on a network of several.
pub(super) async fn run_on(
    infer: &Infer,
    takes: Takes<'_>,
    runs: Vec<Vec<Tensor>>,
    limits: Limits,
) -> Result<(Vec<Vec<Tensor>>, usize), Error> {
    let valid = |tensors| Valid::new(tensors, takes, limits);
    let calls = runs.into_iter().map(valid).collect::<Result<Vec<_>, _>>();
    let calls = calls.map_err(|error| Error::internal(error.to_string()))?;
    let (mut outputs, mut rows) = (Vec::with_capacity(calls.len()), 0);
    for call in calls {
        rows += call.rows();
        outputs.push(infer.run(call).await?);
    }
    Ok((outputs, rows))
}
