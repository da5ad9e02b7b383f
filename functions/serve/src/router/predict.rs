//! `POST /v1/models/{model}/predict`.

use std::sync::Arc;
use std::time::Instant;

use amaas_wire::Tensor;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use http::Response;
use serde::Deserialize;

use super::completions;
use super::matching::matched;
use crate::error::Error;
use crate::limits::Limits;
use crate::reply::{Counted, predict_response};
use crate::request::{Call, Caller, Running};
use crate::state::Host;
use amaas_access::TenantName;
use amaas_engine::cpu::{Working, json_size};
use amaas_engine::infer::Infer;
use amaas_engine::infer::{Takes, Valid};
use amaas_model::ModelError;
use amaas_model::load::Model;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    version: Option<String>,
}

pub(super) async fn predict(
    State(host): State<Host>,
    caller: Caller,
    Path(name): Path<String>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    request: Request,
) -> Result<Response<Body>, Error> {
    let Query(parameters) = parameters.map_err(|_| Error::invalid("the query: expected version, once".to_owned()))?;
    let slot = host.slot(&name)?;
    let (parts, body) = request.into_parts();
    let mut call = Call::enter(&host, caller, &slot, &parts.headers, &parts.extensions).await?;
    let body = call.read(&parts, body).await?;
    let model = host.model(&slot, parameters.version.as_deref()).await?;
    let begun = Instant::now();
    let task = model.task.clone().ok_or(Error::Model(ModelError::NoTask { model: name }))?;
    if let Some(matcher) = Arc::clone(&task).matcher() {
        return matched(call, model, matcher, body, begun).await;
    }
    if let Ok(generate) = model.generate() {
        return completions::predict(call, &model, generate, body, begun).await;
    }
    let (limit, batching, size) = (host.limits().rows, model.manifest.batching, body.len());
    let bounds = (task.quick(), size, task.memory());
    let encode = move |working: &Working| task.encode(working, &body, limit, batching);
    let encoded = call.prepare((&model, begun), bounds, encode).await?;
    let (outputs, rows) = run(&mut call, (&model, begun), encoded.runs, encoded.tokens).await?;
    let (size, decode, tokens) = (outputs.iter().map(|run| json_size(run)).sum(), encoded.decode, encoded.tokens);
    let answered = Arc::clone(&model);
    let answer = move || predict_response(&answered, decode(&outputs)?, Counted { rows, tokens, begun });
    let answer = call.write(size, answer).await?;
    call.answered(&model, answer).await
}

/// Runs what a task made, which is counted as `tokens` or as its rows; also how many rows it was.
pub(super) async fn run(
    call: &mut Call,
    (model, begun): (&Arc<Model>, Instant),
    runs: Vec<Vec<Tensor>>,
    tokens: Option<u64>,
) -> Result<(Vec<Vec<Tensor>>, usize), Error> {
    let (runs, rows) = valid((&model.manifest).into(), runs, call.limits(), call.tenant())?;
    let running = Running::new(rows, tokens);
    call.charge((model, begun), &running).await?;
    Ok((call.run((model, begun), running, run_on(model.infer()?, runs)).await?, rows))
}

/// The runs of a task for a call of `tenant`, as what `takes` them asks, and how many rows they have.
pub(super) fn valid(
    takes: Takes<'_>,
    runs: Vec<Vec<Tensor>>,
    limits: Limits,
    tenant: &TenantName,
) -> Result<(Vec<Valid>, usize), Error> {
    let valid = |tensors| Valid::new(tensors, takes, limits.rows).map(|valid| valid.of(tenant.as_str()));
    let runs = runs.into_iter().map(valid).collect::<Result<Vec<_>, _>>();
    let runs = runs.map_err(|error| Error::internal(error.to_string()))?;
    let rows = runs.iter().map(Valid::rows).sum();
    Ok((runs, rows))
}

/// Does runs one after the other, so that other calls get their turn in between.
pub(super) async fn run_on(infer: &Infer, runs: Vec<Valid>) -> Result<Vec<Vec<Tensor>>, Error> {
    let mut outputs = Vec::with_capacity(runs.len());
    for run in runs {
        outputs.push(infer.run(run).await?);
    }
    Ok(outputs)
}
