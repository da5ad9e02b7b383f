//! `POST /v1/models/{model}/predict`.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use http::Response;
use serde::Deserialize;

use super::Host;
use crate::error::Error;
use crate::reply::predict_response;
use crate::request::{Caller, Valid, read};
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
    let (parts, body) = request.into_parts();
    let body = read(&parts.headers, body, host.limits().body_bytes).await?;
    let model = host.model(&slot, parameters.version.as_deref()).await?;
    let begun = Instant::now();
    let task = model.task.clone().ok_or(Error::NoTask { model: name })?;
    let limit = host.limits().rows;
    let (encoder, size) = (task.clone(), body.len());
    let (tensors, count) = off_runtime_beyond(task.quick(), size, move || encoder.encode(&body, limit)).await?;
    let call =
        Valid::new(tensors, &model.manifest, host.limits()).map_err(|error| Error::internal(error.to_string()))?;
    let rows = call.rows();
    let outputs = model.infer.run(call).await?;
    let size = json_size(&outputs);
    let answer = move || predict_response(&model, task.decode(&outputs, count)?, rows, begun);
    off_runtime(size, answer).await
}
