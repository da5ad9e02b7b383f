//! `GET /v2/models[/{model}[/versions/{version}]]/stats`: Triton's statistics extension.
//!
//! The numbers are of this process and of all callers together, so only who may use a model sees them.

use amaas_wire::oip::triton::{ModelStatistics, StatisticsResponse};
use axum::body::Body;
use axum::extract::{Path, State};
use http::Response;

use super::health::ModelPath;
use super::models;
use super::query::NoQuery;
use crate::error::Error;
use crate::reply::json;
use crate::request::{AuthorisedModel, Caller};
use crate::state::AppState;
use amaas_model::load::{LoadState, Model};

/// Of one model.
pub(super) async fn one(
    authorised: AuthorisedModel,
    Path(path): Path<ModelPath>,
    _: NoQuery,
) -> Result<Response<Body>, Error> {
    let model = authorised.model(path.version.as_deref()).await?;
    json(&StatisticsResponse { model_stats: vec![of(&model)?] })
}

/// Of every model that is loaded and that the key may use; but a model of that very name comes first.
pub(super) async fn all(
    State(state): State<AppState>,
    caller: Caller,
    query: NoQuery,
) -> Result<Response<Body>, Error> {
    if state.slot(NAME).is_ok() {
        let path = ModelPath { model: NAME.to_owned(), version: None };
        return models::metadata(AuthorisedModel::of(&state, caller, NAME)?, Path(path), query).await;
    }
    json(&StatisticsResponse { model_stats: of_all(&state, &caller) })
}

/// Of every model that is loaded and that the key may use.
pub(crate) fn of_all(state: &AppState, caller: &Caller) -> Vec<ModelStatistics> {
    let slots = state.slots();
    let loaded = slots.iter().filter(|slot| caller.may_use(slot.name())).filter_map(|slot| match slot.state() {
        LoadState::Ready(model) => of(&model).ok(),
        LoadState::Loading | LoadState::Failed(_) => None,
    });
    loaded.collect()
}

/// A model that goes on with texts takes no tensors, and has no such numbers.
pub(crate) fn of(model: &Model) -> Result<ModelStatistics, Error> {
    Ok(model.infer()?.statistics(model.name().to_string(), model.version().to_string()))
}

/// The last part of the route of [`all`], where the name of a model can stand too.
const NAME: &str = "stats";
