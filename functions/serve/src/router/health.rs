//! Health routes, which need no key: liveness, readiness and server metadata for load balancers.

use amaas_wire::oip::{ReadyState, ServerLive, ServerMetadata};
use axum::body::Body;
use axum::extract::{Path, State};
use http::{Response, StatusCode};
use serde::Deserialize;

use super::query::NoQuery;
use crate::error::Error;
use crate::reply::json;
use crate::state::AppState;
use amaas_model::ModelError;
use amaas_model::load::{LoadState, ModelSlot};

/// `GET /v2`.
pub(super) async fn server() -> Result<Response<Body>, Error> {
    json(&metadata())
}

/// Name, version and extensions of the server.
pub(crate) fn metadata() -> ServerMetadata {
    ServerMetadata {
        name: "amaas".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extensions: EXTENSIONS.map(str::to_owned).to_vec(),
    }
}

/// `GET /v2/health/live`.
pub(super) async fn live() -> Result<Response<Body>, Error> {
    json(&ServerLive { live: true })
}

/// `GET /v2/health/ready`: whether the host is ready for calls.
pub(super) async fn ready(State(state): State<AppState>) -> Result<Response<Body>, Error> {
    ready_response(&host_readiness(&state))
}

/// Whether the host is ready, and the name of a model that is not. The host is unready while a model is loading, or if all models failed.
/// If one of several failed, the host stays in service for the others, as with Triton's `--exit-on-error=false`.
pub(crate) fn host_readiness(state: &AppState) -> ReadyState {
    if state.is_draining() {
        let reason = Some("stopping".to_owned());
        return ReadyState { name: None, ready: false, execution_provider: None, reason };
    }
    let slots = state.slots();
    let states: Vec<_> =
        slots.iter().map(|slot| (matches!(slot.state(), LoadState::Loading), readiness(slot))).collect();
    let ready = states.is_empty() || states.iter().any(|(_, state)| state.ready);
    let ready = ready && !states.iter().any(|(loading, _)| *loading);
    let missing = |(_, state): &&(bool, ReadyState)| !state.ready;
    // Names a loading model before a failed one, and the first of several.
    let first = states.iter().rev().filter(missing).max_by_key(|(loading, _)| *loading);
    let more = states.iter().filter(missing).count().saturating_sub(1);
    let reason = first.map(|(_, state)| {
        let (name, reason) = (state.name.as_deref().unwrap_or_default(), state.reason.as_deref().unwrap_or_default());
        let more = if more == 0 { String::new() } else { format!(" (and {more} more are not ready)") };
        format!("model {name}: {reason}{more}")
    });
    ReadyState { name: None, ready, execution_provider: None, reason }
}

/// `GET /v2/models/{model}[/versions/{version}]/ready`.
pub(super) async fn model_ready(
    State(state): State<AppState>,
    Path(path): Path<ModelPath>,
    _: NoQuery,
) -> Result<Response<Body>, Error> {
    ready_response(&model_readiness(&state, &path.model, path.version.as_deref())?)
}

/// Whether the model called `name` is ready. A `version` must be the loaded one.
pub(crate) fn model_readiness(state: &AppState, name: &str, version: Option<&str>) -> Result<ReadyState, Error> {
    let slot = state.slot(name)?;
    if let (LoadState::Ready(model), Some(got)) = (slot.state(), version)
        && model.version().as_str() != got
    {
        let (model, serving) = (name.to_owned(), model.version().to_string());
        return Err(Error::Model(ModelError::UnknownVersion { model, got: got.chars().take(64).collect(), serving }));
    }
    Ok(readiness(&slot))
}

/// A model in a path, with or without a version.
#[derive(Deserialize)]
pub(super) struct ModelPath {
    pub(super) model: String,
    pub(super) version: Option<String>,
}

/// Names of Triton. `model_repository` is missing: models are listed, but not loaded on demand.
const EXTENSIONS: [&str; 4] = ["binary_tensor_data", "classification", "model_configuration", "statistics"];

fn readiness(slot: &ModelSlot) -> ReadyState {
    let (ready, execution_provider, reason) = match slot.state() {
        LoadState::Ready(model) => {
            let reason = slot.failed_update().or_else(|| model.warning().map(str::to_owned));
            (true, Some(model.provider().to_owned()), reason)
        }
        LoadState::Loading => (false, None, Some("it is loading".to_owned())),
        LoadState::Failed(reason) => (false, None, Some(reason)),
    };
    ReadyState { name: Some(slot.name().to_string()), ready, execution_provider, reason }
}

fn ready_response(ready: &ReadyState) -> Result<Response<Body>, Error> {
    let mut response = json(ready)?;
    if !ready.ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}
