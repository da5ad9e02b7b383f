//! `POST /v2/models/{model}[/versions/{version}]/infer`.

use std::time::Instant;

use amaas_wire::oip::InferRequest;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use http::Response;

use super::Host;
use super::health::ModelPath;
use crate::error::Error;
use crate::load::Model;
use crate::reply::{Counted, infer_response};
use crate::request::{Caller, Valid, read};
use crate::task::{json_size, off_runtime};

pub(super) async fn infer(
    State(host): State<Host>,
    caller: Caller,
    Path(path): Path<ModelPath>,
    request: Request,
) -> Result<Response<Body>, Error> {
    let slot = host.slot(&path.model)?;
    caller.scope(slot.name())?;
    caller.admitted(&host)?;
    let (parts, body) = request.into_parts();
    let body = read(&parts.headers, body, host.limits().body_bytes).await?;
    let model = host.model(&slot, path.version.as_deref()).await?;
    let (begun, infer) = (Instant::now(), model.infer()?);
    let size = body.len();
    let request = off_runtime(size, move || InferRequest::from_json(&body).map_err(Error::from)).await?;
    let wanted = wanted(&model, request.outputs)?;
    let call = Valid::new(request.inputs, &model.manifest, host.limits())
        .map_err(|error| Error::InvalidInput(error.to_string()))?;
    let rows = call.rows();
    let outputs = infer.run(call).await?;
    let size = json_size(&outputs);
    let answer =
        move || infer_response(&model, request.id, outputs, wanted.as_deref(), Counted { rows, tokens: None, begun });
    off_runtime(size, answer).await
}

/// The names of outputs asked for, each of which the model must have, once.
fn wanted(model: &Model, outputs: Option<Vec<String>>) -> Result<Option<Vec<String>>, Error> {
    let Some(wanted) = outputs else { return Ok(None) };
    for (index, name) in wanted.iter().enumerate() {
        if !model.manifest.outputs.iter().any(|output| output.name == *name) {
            let has = model.manifest.outputs.iter().map(|output| format!("{:?}", output.name));
            let has = has.collect::<Vec<_>>().join(", ");
            let got: String = name.chars().take(64).collect();
            return Err(Error::InvalidInput(format!("unknown output {got:?}; the model gives {has}")));
        }
        if wanted[..index].contains(name) {
            return Err(Error::InvalidInput(format!("output {name:?} was asked for twice")));
        }
    }
    Ok(Some(wanted))
}
