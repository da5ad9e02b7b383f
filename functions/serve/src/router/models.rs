//! Lists models and their metadata.

use amaas_wire::predict::{ModelEntry, ModelList};
use axum::body::Body;
use axum::extract::{Path, State};
use http::Response;

use super::health::ModelPath;
use super::query::NoQuery;
use crate::error::Error;
use crate::reply::json;
use crate::request::{AuthorisedModel, Caller};
use crate::state::AppState;
use amaas_model::load::{LoadState, ModelSlot};

/// `GET /v2/models/{model}[/versions/{version}]`.
pub(super) async fn metadata(
    authorised: AuthorisedModel,
    Path(path): Path<ModelPath>,
    _: NoQuery,
) -> Result<Response<Body>, Error> {
    json(&authorised.model(path.version.as_deref()).await?.metadata())
}

/// `GET /v1/models`: the models that the key may use.
pub(super) async fn list(State(state): State<AppState>, caller: Caller, _: NoQuery) -> Result<Response<Body>, Error> {
    let slots = state.slots();
    let data = slots.iter().filter(|slot| caller.may_use(slot.name())).map(|slot| entry(slot)).collect();
    json(&ModelList { object: "list".to_owned(), data })
}

/// `GET /v1/models/{model}`.
pub(super) async fn one(authorised: AuthorisedModel, _: NoQuery) -> Result<Response<Body>, Error> {
    json(&entry(authorised.slot()))
}

fn entry(slot: &ModelSlot) -> ModelEntry {
    let (created, version, task, ready) = match slot.state() {
        LoadState::Ready(model) => {
            (model.manifest.serial, model.version().to_string(), model.task_name().to_owned(), true)
        }
        LoadState::Loading | LoadState::Failed(_) => (0, String::new(), String::new(), false),
    };
    ModelEntry {
        id: slot.name().to_string(),
        object: "model".to_owned(),
        created,
        owned_by: "amaas".to_owned(),
        version,
        task,
        ready,
    }
}
