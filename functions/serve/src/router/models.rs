//! Lists models and their metadata.

use amaas_wire::predict::{ModelEntry, ModelList};
use axum::body::Body;
use axum::extract::{Path, State};
use http::Response;

use super::health::ModelPath;
use super::query::NoQuery;
use crate::error::Error;
use crate::openapi::RouteSupport;
use crate::reply::json;
use crate::request::{AuthorisedModel, Caller};
use crate::state::AppState;
use amaas_model::load::{LoadState, Model, ModelSlot};

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
    let entry = ModelEntry {
        id: slot.name().to_string(),
        object: "model".to_owned(),
        created: 0,
        owned_by: "amaas".to_owned(),
        version: String::new(),
        task: String::new(),
        pipeline: None,
        routes: Vec::new(),
        ready: false,
    };
    match slot.state() {
        LoadState::Ready(model) => ModelEntry {
            created: model.manifest.serial,
            version: model.version().to_string(),
            task: model.task_name().to_owned(),
            pipeline: model.task.is_some().then(|| model.task_name().to_owned()),
            routes: model_routes(&model),
            ready: true,
            ..entry
        },
        LoadState::Loading | LoadState::Failed(_) => entry,
    }
}

/// The routes that call `model`.
fn model_routes(model: &Model) -> Vec<String> {
    let (name, support) = (model.name(), RouteSupport::of(model));
    let mut routes = Vec::new();
    let mut add = |is_served: bool, route: &str| routes.extend(is_served.then(|| route.to_owned()));
    add(model.task.is_some(), &format!("/v1/models/{name}/predict"));
    add(support.embeddings, "/v1/embeddings");
    add(support.ranking, "/v1/rerank");
    add(support.ranking, "/v2/rerank");
    add(support.completions, "/v1/completions");
    add(model.check_tensors().is_ok(), &format!("/v2/models/{name}/infer"));
    routes
}
